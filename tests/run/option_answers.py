#!/usr/bin/env python3
"""What TCP sockets answer to every socket option that Linux has: the same program runs natively and under `tunny run`. One line for each
question: STATE LEVEL OPTION get|set ANSWER, the answer being a number, a length or an error's name."""
import errno
import socket
import struct

LEVELS = {"SOL_SOCKET": socket.SOL_SOCKET, "IPPROTO_TCP": socket.IPPROTO_TCP, "IPPROTO_IP": socket.IPPROTO_IP,
          "IPPROTO_IPV6": socket.IPPROTO_IPV6}
OPTIONS = range(1, 90)


def states(family):
    """A socket of each kind."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    fresh, listening, client = (socket.socket(family) for _ in range(3))
    listening.bind((host, 0))
    listening.listen(5)
    client.connect(listening.getsockname())
    accepted = listening.accept()[0]
    return {"fresh": fresh, "listening": listening, "connected": client}, accepted


def get(s, level, option):
    try:
        answer = s.getsockopt(level, option, 4)
    except OSError as e:
        return errno.errorcode[e.errno]
    return str(struct.unpack("i", answer)[0]) if len(answer) == 4 else f"{len(answer)} bytes"


def put(s, level, option):
    try:
        s.setsockopt(level, option, 1)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "0"


def main():
    for family in (socket.AF_INET, socket.AF_INET6):
        sockets, accepted = states(family)
        for state, s in sockets.items():
            for name, level in LEVELS.items():
                for option in OPTIONS:
                    print(family.name, state, name, option, "get", get(s, level, option))
        for s in (*sockets.values(), accepted):
            s.close()
        for name, level in LEVELS.items():
            for option in OPTIONS:
                with socket.socket(family) as s:
                    print(family.name, "fresh", name, option, "set", put(s, level, option))
                    print(family.name, "fresh", name, option, "got", get(s, level, option))


if __name__ == "__main__":
    main()
