"""Runs a program on a terminal of its own: on-terminal.py WAIT-FOR TYPE PROGRAM ARGUMENTS…

Types TYPE (with Python's escapes) once WAIT-FOR has been shown; prints what the terminal showed, as JSON,
and ends as the program ends.
"""
import json
import os
import pty
import sys

wait_for, typed, program = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
shown, sent = b"", False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:  # the program has ended
        break
    if not piece:
        break
    shown += piece
    if wait_for in shown and not sent:
        os.write(terminal, typed)
        sent = True
_, status = os.waitpid(child, 0)
print(json.dumps(shown.decode()))
sys.exit(os.waitstatus_to_exitcode(status))
