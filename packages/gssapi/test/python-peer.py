"""One side of a context with python3-gssapi, driven by lines: a verb and base64 words; answers likewise.

Sealing and opening are done as pyspnego does them (header, data and padding apart) and in one piece (RFC 2743).
"""
import base64
import sys

import gssapi
from gssapi.raw import IOV, IOVBufferType, unwrap_iov, wrap_iov


def text(data):
    return base64.b64encode(data or b"").decode() or "-"


def data_of(word):
    return b"" if word == "-" else base64.b64decode(word)


side, scheme, target, keytab = sys.argv[1:5]
mech = gssapi.OID.from_int_seq("1.3.6.1.5.5.2" if scheme == "negotiate" else "1.2.840.113554.1.2.2")
if side == "initiate":
    name = gssapi.Name(target, gssapi.NameType.kerberos_principal)
    flag = gssapi.RequirementFlag
    flags = [
        flag.mutual_authentication,
        flag.replay_detection,
        flag.out_of_sequence_detection,
        flag.confidentiality,
        flag.integrity,
    ]
    context = gssapi.SecurityContext(name=name, mech=mech, flags=flags, usage="initiate")
else:
    store = {"keytab": keytab, "rcache": "none:"}
    context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept", store=store), usage="accept")

for line in sys.stdin:
    verb, *words = line.split()
    given = [data_of(word) for word in words]
    if verb == "step":
        answer = [context.step(given[0] if given and given[0] else None)]
    elif verb == "peer":
        answer = [str(context.target_name if side == "initiate" else context.initiator_name).encode()]
    elif verb == "wrap-iov":
        iov = IOV(IOVBufferType.header, given[0], IOVBufferType.padding, std_layout=False)
        wrap_iov(context, iov, confidential=True)
        answer = [iov[0].value, iov[1].value, iov[2].value]
    elif verb == "unwrap-iov":
        iov = IOV((IOVBufferType.header, False, given[0]), given[1], IOVBufferType.data, std_layout=False)
        unwrap_iov(context, iov)
        answer = [iov[1].value]
    elif verb == "wrap":
        answer = [context.wrap(given[0], True).message]
    elif verb == "sign":
        answer = [context.wrap(given[0], False).message]
    elif verb == "unwrap":
        answer = [context.unwrap(given[0]).message]
    elif verb == "session-key":
        answer = gssapi.raw.inquire_sec_context_by_oid(context, gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5"))
    print(" ".join(text(bytes(part or b"")) for part in answer), flush=True)
