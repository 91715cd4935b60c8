"""One file of the journal: preallocated, locked by its process for life, written line by line.

The file has two halves of equal size. Lines go to one half until it is full; then the lines that are still
needed are copied to the other half, which goes on under the next generation number. A line is

    generation (8 hex digits) length (8) CRC-32 of generation and payload (8) payload newline

A line is copied into pages that the kernel keeps (the file is mapped), without a system call, so it survives the
death of the process at any instruction. It may not survive the loss of power: nothing waits for the disk. The file
has all its blocks from the beginning, so a copy cannot fail for want of room.
"""

import fcntl
import mmap
import os
from pathlib import Path
from zlib import crc32

from msgspec import Struct

HEADER = 24
SUFFIX = ".journal"
COMPLETE = b""
"""The empty payload: ends the lines that were copied into a half. Before it, the other half still counts."""


class Segment:
    """The segment that this process writes."""

    def __init__(self, path: Path, fd: int, half: int) -> None:
        self.path = path
        self._fd = fd
        self._map = mmap.mmap(fd, 2 * half)
        self._half = half
        self._generation = 0
        self._begin()
        self.turn([])

    @classmethod
    def create(cls, directory: Path, name: str, half: int) -> "Segment":
        """A new segment of two times `half` bytes, held by this process.

        Raises:
            OSError: no room, or no permission.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / (name + SUFFIX)
        unlocked = directory / (name + ".new")
        fd = os.open(unlocked, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, 2 * half)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Under its own name only when it is locked, so that nobody takes it for a dead process's.
            unlocked.rename(path)
            return cls(path, fd, half)
        except OSError:
            os.close(fd)
            unlocked.unlink(missing_ok=True)
            raise

    @property
    def room(self) -> int:
        """Bytes that are left in this half."""
        return self._half - self._position

    @property
    def half(self) -> int:
        """Bytes of one half."""
        return self._half

    def append(self, payload: bytes) -> None:
        """Write one line; `payload` has no newline and fits in `room`."""
        line = self._framed(payload)
        start = self._start + self._position
        self._position += len(line)
        self._map[start : start + len(line)] = line

    def turn(self, payloads: list[bytes]) -> None:
        """Go on in the other half with these lines; what is not among them is forgotten."""
        self._generation += 1
        self._begin()
        for one in (*payloads, COMPLETE):
            self.append(one)

    def close(self, *, delete: bool) -> None:
        """Let go of the file; without `delete` it stays, to be replayed by another process."""
        if delete:
            self.path.unlink(missing_ok=True)
        self._map.close()
        os.close(self._fd)

    def _begin(self) -> None:
        """At the beginning of the half that the generation belongs to."""
        self._start, self._position = (self._generation & 1) * self._half, 0
        self._stamp = b"%08x" % self._generation
        self._checksum = crc32(self._stamp)

    def _framed(self, payload: bytes) -> bytes:
        """The bytes of one line."""
        checksum = crc32(payload, self._checksum)
        return b"%b%08x%08x%b\n" % (self._stamp, len(payload), checksum, payload)


def size(payload: bytes) -> int:
    """How many bytes the line of `payload` takes."""
    return HEADER + len(payload) + 1


class Orphan:
    """A segment whose process is gone; held by this process until `close`."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: Path) -> "Orphan | None":
        """Lock the file; None where its process lives, or another process has dealt with it."""
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        if os.fstat(fd).st_nlink == 0:  # Replayed and deleted between our open and our lock.
            os.close(fd)
            return None
        return cls(path, fd)

    def read(self) -> "Content":
        """What the file holds."""
        data = bytearray()
        while piece := os.pread(self._fd, 1 << 20, len(data)):
            data += piece
        return content(bytes(data))

    def close(self, *, delete: bool) -> None:
        """Let go of the file, and remove it where its content is stored."""
        if delete:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)


class Content(Struct, frozen=True):
    """The lines that count, in the order they were written, and how many could not be read."""

    payloads: list[bytes]
    damaged: int


class _Half(Struct):
    generation: int
    payloads: list[bytes]
    complete: bool
    damaged: int


def content(data: bytes) -> Content:
    """The lines of a segment's bytes; a torn last line does not count, it was never acted upon."""
    middle = len(data) // 2
    halves = sorted(
        (_read_half(part) for part in (data[:middle], data[middle:])), key=lambda half: half.generation
    )
    older, newer = halves
    payloads = newer.payloads if newer.complete else older.payloads + newer.payloads
    damaged = newer.damaged if newer.complete else older.damaged + newer.damaged
    return Content(payloads, damaged)


def _read_half(data: bytes) -> _Half:
    half = _Half(0, [], complete=False, damaged=0)
    position, skipped = 0, 0
    while position < len(data) and data[position]:
        line = _read_line(data, position)
        if line is None:
            skipped += 1
            position = data.find(b"\n", position) + 1
            if position == 0:
                break
            continue
        generation, payload = line
        if half.generation not in (0, generation):
            break  # The rest is from an earlier use of this half.
        half.generation = generation
        half.damaged += skipped
        skipped = 0
        if payload == COMPLETE:
            half.complete = True
        else:
            half.payloads.append(payload)
        position += size(payload)
    return half


def _read_line(data: bytes, position: int) -> tuple[int, bytes] | None:
    try:
        header = data[position : position + HEADER].decode("ascii")
        generation, length, checksum = (int(header[at : at + 8], 16) for at in (0, 8, 16))
    except ValueError:
        return None
    end = position + HEADER + length
    payload = data[position + HEADER : end]
    if data[end : end + 1] != b"\n" or crc32(payload, crc32(header[:8].encode())) != checksum:
        return None
    return generation, payload
