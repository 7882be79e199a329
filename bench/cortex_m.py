"""A model as the firmware of a bare Cortex-M: generated, compiled, linked, and run under QEMU.

Each firmware is built twice, with the inference and without it: what both differ by is the model's own flash, RAM and
instructions, to the last one. `bench.firmware` has what is around the model.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emulation import FIRMWARE, counted, counter, lacks_counter, last_line, qemu_version
from converters.runners.base import CannotRunError
from converters.targets.c_source import generate, made_plain
from zoo.errors import BenchError

QEMU, GCC, SIZE = "qemu-system-arm", "arm-none-eabi-gcc", "arm-none-eabi-size"
PACKAGES = "qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi"
_NAMES = re.compile(r"^#define BKNN_MODEL_(INPUT|OUTPUT)_(BYTES|SCALE|ZERO_POINT) (\S+?)[uf]?$", re.MULTILINE)
_ARENA = re.compile(r"^#define BKNN_MODEL_ARENA_SIZE (\d+)u$", re.MULTILINE)
_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
_BUILD_S, _RUN_S = 300, 900
_PAINT = 0x57AC57AC  # of the stack, as in start.c
SPARE_STACK_BYTES = 256  # for an interrupt's frame and what a call of the inference adds to it


@dataclass(frozen=True, slots=True)
class Core:
    """A core that QEMU emulates, on a board of Arm.

    Attributes:
        name: such as ``cortex-m4``.
        title: its name for people.
        board: QEMU's name of the board.
        flags: for the compiler.
        flash_bytes: memory for code and constants on that board.
        ram_bytes: memory for the rest on it.
        flash_origin: address of the first.
        ram_origin: address of the second.
    """

    name: str
    title: str
    board: str
    flags: tuple[str, ...]
    flash_bytes: int = 4 << 20
    ram_bytes: int = 4 << 20
    flash_origin: int = 0
    ram_origin: int = 0x20000000


_HARD = "-mfloat-abi=hard"
# Boards and their memories: QEMU 7.2's hw/arm/mps2.c and mps2-tz.c. The vector unit of the M55 stays off: CMSIS-NN's
# kernels for it lock up in QEMU 7.2.
CORES: Mapping[str, Core] = MappingProxyType(
    {
        each.name: each
        for each in (
            Core("cortex-m3", "Cortex-M3", "mps2-an385", ("-mcpu=cortex-m3",)),
            Core("cortex-m4", "Cortex-M4", "mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", _HARD)),
            Core("cortex-m7", "Cortex-M7", "mps2-an500", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", _HARD)),
            Core("cortex-m33", "Cortex-M33", "mps2-an505", ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", _HARD),
                 flash_origin=0x10000000, ram_origin=0x38000000),
            Core("cortex-m55", "Cortex-M55 without MVE", "mps3-an547", ("-mcpu=cortex-m55+nomve", _HARD),
                 512 << 10, 512 << 10),
        )
    }
)  # fmt: skip


class DoesNotFitError(BenchError):
    """A firmware does not fit into the memory it is linked for.

    Args:
        overflows: by region, ``FLASH`` or ``RAM``, how many bytes are missing.
    """

    def __init__(self, overflows: Mapping[str, int]) -> None:
        """Say it in words."""
        self.overflows = overflows
        over = ", ".join(f"{region} over by {missing:,} bytes" for region, missing in overflows.items())
        super().__init__(f"the firmware does not fit: {over}")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a linked firmware takes.

    Attributes:
        flash_bytes: code, constants, and what memory is filled with at the start.
        ram_bytes: variables; without the stack.
    """

    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What a firmware did.

    Attributes:
        outputs: one row of int8 an input.
        instructions: that the core executed, from its start to its end.
        stack_bytes: the most that was in use.
    """

    outputs: NDArray[np.int8]
    instructions: int
    stack_bytes: int


def lacks() -> str:
    """What is missing on this machine and the remedy, in one line; empty where nothing is."""
    if shutil.which(QEMU) is None or shutil.which(GCC) is None or not _has_libc():
        return (
            f"no Cortex-M compiler, C library or QEMU is here. On Debian, as root: apt-get install {PACKAGES}"
        )
    return lacks_counter(QEMU, PACKAGES)


def _has_libc() -> bool:
    done = subprocess.run(  # noqa: S603 - Debian's compiler
        [GCC, "-print-file-name=nosys.specs"], capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    return "/" in done.stdout  # a file that is not there comes back as its bare name


class Firmware:
    """A model's firmware for one core.

    Args:
        path: the .tflite file; one from elsewhere was inspected before.
        core: see `CORES`.
        kernels: see `bench.runners.cortex_m.KERNELS`.
        folder: an empty folder of its own; the firmware reads and writes its files there.

    Attributes:
        plain: the .tflite file that the source is generated of, see `converters.targets.c_source.made_plain`.
        left_out: what that file leaves out of the given one, a line each.
        arena_bytes: working memory that the model wants.
        input_bytes: of one input, int8.
        output_bytes: of one output, int8.
        input_scale: scale and zero point of the input.
        output_scale: scale and zero point of the output.

    Raises:
        CannotRunError: the generator does not take the file.
        BenchError: QEMU's plugin cannot be built.
    """

    def __init__(self, path: Path, core: Core, kernels: str, folder: Path) -> None:
        """Generate the source, and build the plugin."""
        self._core, self._folder = core, folder
        self.plain = folder / "plain.tflite"
        self.left_out = made_plain(path, self.plain)
        self._source = folder / "source"
        reason = generate(self.plain, self._source, core.name if kernels == "cmsis-nn" else "portable")
        if reason:
            raise CannotRunError(f"{generator()} does not take the file: {reason}")
        self._read_header()
        self._counter = counter(folder)

    def _read_header(self) -> None:
        text = (self._source / "bknn_model.h").read_text(encoding="utf-8")
        said = {f"{port} {what}": value for port, what, value in _NAMES.findall(text)}
        arena = _ARENA.search(text)
        if len(said) != 6 or arena is None:  # noqa: PLR2004 - three of the input, three of the output
            raise CannotRunError(f"{generator()} writes another header than this version reads")
        self.arena_bytes = int(arena[1])
        self.input_bytes, self.output_bytes = int(said["INPUT BYTES"]), int(said["OUTPUT BYTES"])
        self.input_scale = (float.fromhex(said["INPUT SCALE"]), int(said["INPUT ZERO_POINT"]))
        self.output_scale = (float.fromhex(said["OUTPUT SCALE"]), int(said["OUTPUT ZERO_POINT"]))

    def build(
        self,
        *,
        idle: bool = False,
        flash_bytes: int | None = None,
        ram_bytes: int | None = None,
        stack_bytes: int = 0,
    ) -> tuple[Path, Sizes]:
        """Compile and link.

        Args:
            idle: leave the inference out.
            flash_bytes: of the memory to link for; ``None``, or more than the board has, for the board's.
            ram_bytes: of the memory to link for; ``None``, or more than the board has, for the board's.
            stack_bytes: to keep free in RAM.

        Returns:
            The program, and what it takes.

        Raises:
            DoesNotFitError: the memory is too small.
            BenchError: the source does not compile.
        """
        made = self._folder / f"{'idle' if idle else 'model'}-{stack_bytes}.elf"
        lengths = {
            "FLASH_BYTES": min(flash_bytes or self._core.flash_bytes, self._core.flash_bytes),
            "RAM_BYTES": min(ram_bytes or self._core.ram_bytes, self._core.ram_bytes),
            "STACK_BYTES": stack_bytes,
            "FLASH_ORIGIN": self._core.flash_origin,
            "RAM_ORIGIN": self._core.ram_origin,
        }
        done = self._compile(
            [
                *(["-DIDLE"] if idle else []), str(FIRMWARE / "main.c"), str(FIRMWARE / "start.c"),
                *([] if idle else self._objects()), "-Wl,--gc-sections", "-specs=nosys.specs", "-nostartfiles",
                "-T", str(FIRMWARE / "firmware.ld"),
                *(f"-Wl,--defsym={name}={value}" for name, value in lengths.items()), "-lm", "-o", str(made),
            ],
            self._folder,
        )  # fmt: skip
        overflows = {region: int(over) for region, over in _OVERFLOW.findall(done.stderr)}
        if overflows:
            raise DoesNotFitError(overflows)
        _check(done)
        return made, _sizes(made)

    def _objects(self) -> list[str]:
        """The model, compiled once for all programs."""
        place = self._folder / "objects"
        if not place.exists():
            place.mkdir()
            _check(self._compile(["-c", *map(str, sorted(self._source.rglob("*.c")))], place))
        return [str(each) for each in sorted(place.glob("*.o"))]

    def _compile(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        third_party = self._source / "third_party"
        return subprocess.run(  # noqa: S603 - Debian's compiler, on what was generated
            [
                GCC, *self._core.flags, "-mthumb", "-std=c11", "-O2", "-ffunction-sections", "-fdata-sections",
                "-DBAKENN_CMSIS_NN_BUILTIN_MEMORY", f"-I{FIRMWARE}", f"-I{self._source}",
                f"-I{third_party / 'cmsis_nn' / 'Include'}", f"-I{third_party / 'cmsis_core' / 'Include'}", *arguments,
            ],
            cwd=folder, capture_output=True, text=True, check=False, timeout=_BUILD_S,
        )  # fmt: skip

    def run(self, program: Path, inputs: NDArray[np.int8]) -> Ran:
        """Run a program that was built here on these inputs, one a row.

        Raises:
            BenchError: it does not end well.
        """
        rows = np.ascontiguousarray(inputs, np.int8).reshape(len(inputs), -1)
        if rows.shape[1] != self.input_bytes:
            raise BenchError(f"an input of {self.input_bytes} bytes is wanted, but {rows.shape[1]} are given")
        (self._folder / "in.bin").write_bytes(rows.tobytes())
        for name in ("out.bin", "stack.bin"):
            (self._folder / name).unlink(missing_ok=True)
        instructions = counted(
            [
                QEMU, "-machine", self._core.board, "-display", "none", "-monitor", "none", "-serial", "none",
                "-semihosting", "-kernel", str(program), "-plugin", str(self._counter),
            ],
            self._folder, _RUN_S,
        )  # fmt: skip
        outputs = np.frombuffer((self._folder / "out.bin").read_bytes(), np.int8)
        stack = np.frombuffer((self._folder / "stack.bin").read_bytes(), "<u4")
        used = stack.size - int((stack != _PAINT).argmax())  # the stack grows downwards
        return Ran(outputs.reshape(len(rows), self.output_bytes), instructions, 4 * used)

    def own(self, with_it: Sizes, without: Sizes) -> Sizes:
        """What is the model's: its code and constants, its working memory, its input and its output.

        Both programs have input and output; the linker leaves nothing else of the model in the idle one but the arena.
        """
        ports = self.input_bytes + self.output_bytes
        return Sizes(with_it.flash_bytes - without.flash_bytes, self.arena_bytes + ports + with_it.ram_bytes
                     - without.ram_bytes)  # fmt: skip


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        errors = re.findall(r"error: .*", done.stderr)
        raise BenchError(f"the firmware does not compile: {(errors or [last_line(done.stderr)])[0]}")


def _sizes(program: Path) -> Sizes:
    done = subprocess.run(  # noqa: S603 - Debian's binutils
        [SIZE, str(program)], capture_output=True, text=True, check=True, timeout=_BUILD_S
    )
    text, data, bss = map(int, done.stdout.splitlines()[1].split()[:3])
    return Sizes(text + data, data + bss)


def generator() -> str:
    """What generates the source, with its version."""
    return f"BakeNN {version('bakenn')}"


def versions() -> str:
    """Of all that a figure depends on."""
    said = subprocess.run([GCC, "-dumpfullversion"], capture_output=True, text=True, check=False)  # noqa: S603
    return f"{generator()}, gcc {said.stdout.strip()}, {qemu_version(QEMU)}"


def integers(values: NDArray[Any], scale: tuple[float, int]) -> NDArray[np.int8]:
    """Values on a scale as the integers that they stand for; integers stay what they are."""
    if values.dtype == np.int8:
        return values
    return np.clip(np.rint(values / np.float32(scale[0]) + scale[1]), -128, 127).astype(np.int8)


def values(integers_: NDArray[np.int8], scale: tuple[float, int]) -> NDArray[np.float32]:
    """The values that integers stand for."""
    return (integers_.astype(np.float32) - scale[1]) * np.float32(scale[0])
