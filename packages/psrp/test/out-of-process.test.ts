import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPacket, type Guid, type Packet, PacketReader, parsePacket } from '@exchange-connector/psrp';

const id = '00112233-4455-6677-8899-aabbccddeeff' as Guid;
const packets: Packet[] = [
  { kind: 'Data', target: 'pool', stream: 'stdin', data: Buffer.from('Hello') },
  { kind: 'DataAck', target: 'pool' },
  { kind: 'Command', target: id },
  { kind: 'CommandAck', target: id },
  { kind: 'Data', target: id, stream: 'pr', data: Buffer.from([0, 255, 1]) },
  { kind: 'Signal', target: id },
  { kind: 'SignalAck', target: id },
  { kind: 'Close', target: id },
  { kind: 'CloseAck', target: id },
];

const plain = (list: readonly Packet[]): unknown[] =>
  list.map((one) => (one.kind === 'Data' ? { ...one, data: Buffer.from(one.data).toString('hex') } : one));

test('packets stand on the wire as PowerShell writes them', () => {
  const text = (packet: Packet): string => Buffer.from(formatPacket(packet)).toString();
  assert.equal(
    text(packets[0] as Packet),
    "<Data Stream='Default' PSGuid='00000000-0000-0000-0000-000000000000'>SGVsbG8=</Data>\n",
  );
  assert.equal(text(packets[2] as Packet), `<Command PSGuid='${id}' />\n`);
  assert.equal(text(packets[4] as Packet), `<Data Stream='PromptResponse' PSGuid='${id}'>AP8B</Data>\n`);
});

test('packets come out the same wherever the bytes are split, byte by byte, with either line end', () => {
  const bytes = Buffer.concat(packets.map(formatPacket));
  for (let at = 0; at <= bytes.length; at += 1) {
    const reader = new PacketReader();
    assert.deepEqual(
      plain([...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))]),
      plain(packets),
    );
  }
  const slow = new PacketReader();
  const crlf = Buffer.from(bytes.toString().replaceAll('\n', '\r\n'));
  assert.deepEqual(plain(Array.from(crlf, (byte) => slow.push(new Uint8Array([byte]))).flat()), plain(packets));
});

test('any data survives the framing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      const packet = parsePacket(formatPacket({ kind: 'Data', target: id, stream: 'stdin', data }).subarray(0, -1));
      assert.ok(packet.kind === 'Data');
      assert.deepEqual(Buffer.from(packet.data), Buffer.from(data));
    }),
  );
});

test('a bad line is one violation, and what follows is dropped', () => {
  const bad = [
    'garbage',
    '<Data>',
    '<Data PSGuid="x">AA==</Data>',
    `<Data Stream='Default' PSGuid='${id}'>AA=A</Data>`,
    `<Data Stream='Default' PSGuid='${id}'>AAA</Data>`,
    `<Data Stream='Default' PSGuid='${id}'>A AA</Data>`,
    `<Data Stream='Default' PSGuid='${id}'>AAAA</Data><Data`,
    `<Data Stream='Default' PSGuid='${id}'>AAAA`,
    `<Other PSGuid='${id}' />`,
    `<Close PSGuid='${id}'>AAAA</Close>`,
    '\u0000',
    '<',
  ];
  for (const line of bad) {
    const reader = new PacketReader();
    assert.deepEqual(reader.push(Buffer.from(`${line}\n`)), [], line);
    assert.equal(reader.violation?.code, 'PSRP_PACKET_INVALID', line);
    assert.deepEqual(reader.push(formatPacket({ kind: 'Close', target: id })), []);
  }
});

test('a line without end is refused at its limit, and random bytes never throw', () => {
  const reader = new PacketReader(1_000);
  for (let count = 0; count < 11; count += 1) reader.push(Buffer.alloc(100, 0x41));
  assert.equal(reader.violation?.code, 'PSRP_PACKET_INVALID');
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (chunks) => {
      const fuzzed = new PacketReader();
      for (const chunk of chunks) fuzzed.push(chunk);
    }),
  );
});
