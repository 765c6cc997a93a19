"""What trtc refuses of ONNX, with the reason and what can replace it: the lists of the reference page.

Operators without a row that ONNX does not define by others are refused whatever this file says; it gives them their reason. A row that
refuses some form of its operator has its words in `FORMS`.
"""

from __future__ import annotations

from .element_types import STRINGS, TYPES, Refusal
from .functions import is_defined_by_others
from .registry import load_tables

_SEQUENCES = Refusal("optionals are no tensors", "a tensor with one more dim, Split, or Concat")
_TREES = Refusal(
    "classical models have no kernels here", "what hummingbird-ml makes of it: a model of tensor operators"
)
_TRAINING = Refusal("trtc runs inference", "an export for inference")
_NOT_YET = Refusal("not written yet", "the operators of ONNX that it stands for")
_UNKNOWN = Refusal("it is of no domain that trtc knows", "operators of ONNX, or a function of the model")

_OPS: dict[str, Refusal] = {
    **dict.fromkeys(("Optional", "OptionalGetElement", "OptionalHasElement"), _SEQUENCES),
    **dict.fromkeys(("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"), STRINGS),
    "ImageDecoder": Refusal("file formats are no tensors", "pixels, decoded before the model"),
}  # fmt: skip
_DOMAINS = {"ai.onnx.ml": _TREES, "ai.onnx.preview.training": _TRAINING}

_INFERENCE = "export the model for inference"

FORMS: tuple[tuple[str, str, str], ...] = (
    ("any", "are always equal", "one name for both dims, or in the profile fixed sizes or a step"),
    ("any", "at the upper end of the profile", "a narrower profile, or bounds on what data decides"),
    ("any", "bytes of constants are to be computed", "large constants in the model, or what depends on an input"),
    ("any", "depends on dynamic dims", "fix these dims: min = opt = max"),
    (
        "any",
        "have dims that nothing says are equal",
        "a constant for the input that decides, or the range of its numbers",
    ),
    ("any", "a dim expression", "fixed sizes in the profile"),
    ("any", "is computed from data", "a constant, or what is computed from input shapes"),
    ("any", "is not a constant", "a constant of the model"),
    ("any", "has rank", "tensors of fewer dims"),
    ("any", "it takes a sequence that a loop appended to", "ConcatFromSequence, SequenceAt or SequenceLength of it"),
    ("any", "it runs a subgraph", "simplify the model, so that control flow is resolved"),
    ("any", "kernels index", "smaller tensors"),
    ("any", "which only exists at import", "a tensor with one more dim, Split, or Concat"),
    ("Attention", "its head size is dynamic", "a fixed head size"),
    ("BatchNormalization", "it saves statistics for a gradient", _INFERENCE),
    ("BatchNormalization", "spatial=0 normalises per element", "opset 9 or newer"),
    ("Compress", "slices of axis", "a condition as long as the axis, for all of the profile"),
    ("Constant", "its constant is a string or sparse tensor", "a dense tensor of numbers"),
    ("Conv", "are negative", "a Slice before it"),
    ("Conv", "its kernel size is dynamic", "weights of a fixed shape"),
    ("Conv", "its operand has no channels", "its bias alone"),
    ("ConvInteger", "it multiplies", "int8 or uint8"),
    ("ConvTranspose", "its kernel size is dynamic", "weights of a fixed shape"),
    ("ConvTranspose", "its output_shape", "pads, or a fixed size"),
    ("ConvTranspose", "its weights have no channels", "its bias alone"),
    ("DFT", "it transforms the dynamic dim", "a fixed dim"),
    ("DFT", "takes a matrix of more than", "a length with small factors"),
    ("DeformConv", "spatial dims", "2-D windows"),
    ("DequantizeLinear", "its blocks need not divide", "a fixed dim, or a block size that divides it"),
    ("Det", "its matrices are", "an export without determinants of larger matrices"),
    ("Gemm", "it scales integers by", "whole numbers for alpha and beta"),
    ("If", "of different ranks", "a constant or a range for the input that decides, or fixed dims"),
    ("If", "it decides by a tensor of shape", "a condition of one number"),
    ("Loop", "changes its rank", "carry a tensor of one rank"),
    ("Loop", "is another number in each iteration", "pad the slices to one shape"),
    ("Loop", "it carries a sequence", "a tensor with one more dim"),
    ("Loop", "it decides by a tensor of shape", "a condition of one number"),
    ("Loop", "the shapes of what it carries depend on each other", "carry tensors of their largest shapes"),
    ("MatMulInteger", "it multiplies", "int8 or uint8"),
    ("QLinearConv", "it multiplies", "int8 or uint8"),
    ("QLinearMatMul", "it multiplies", "int8 or uint8"),
    ("QuantizeLinear", "its blocks need not divide", "a fixed dim, or a block size that divides it"),
    ("Range", "its step is zero or not a constant", "a constant step"),
    ("Resize", "it antialiases dim", "scales that are constants"),
    ("Resize", "it interpolates booleans", "mode=nearest"),
    ("RoiAlign", "it takes the maximum of a number of samples", "a sampling_ratio"),
    ("RoiAlign", "its sampling_ratio is", "4 or less"),
    ("STFT", "its frames have the dynamic length", "a fixed frame_length"),
    ("STFT", "takes a matrix of more than", "a length with small factors"),
    ("Scan", "changes its shape in an iteration", "a Loop, whose carried values may"),
    ("Scan", "it has lengths of sequences", "the Scan of opset 9"),
    ("Scan", "its batch is a dynamic dim", "the Scan of opset 9, or a fixed batch"),
    ("ScatterND", "its index tuples have", "index tuples of a fixed length"),
    ("TopK", "may be shorter", "a greater minimum in the profile"),
    ("Unique", "each of which is a sort", "slices of a fixed, small number of elements"),
    ("com.microsoft.Attention", "its head size is dynamic", "a fixed head size, or the attribute scale"),
    ("com.microsoft.Attention", "its mask has", "a mask of shape [batch] or [batch, keys]"),
    ("com.microsoft.Attention", "it rotates, or shares the buffers of its cache", "MultiHeadAttention"),
    ("com.microsoft.BiasDropout", "it is in training mode", _INFERENCE),
    ("com.microsoft.CDist", "its metric is", "the metric euclidean or sqeuclidean"),
    ("com.microsoft.CausalConvWithState", "it has an extended form", "one spatial dim, channels first"),
    ("com.microsoft.CausalConvWithState", "its kernel size is dynamic", "weights of a fixed shape"),
    ("com.microsoft.EmbedLayerNormalization", "and sequences may have", "a profile that ends where the table does"),
    ("com.microsoft.FusedConv", "its activation is", "an activation after it"),
    ("com.microsoft.FusedGemm", "its activation is", "an activation after it"),
    ("com.microsoft.GatherBlockQuantized", "and has blocks along axis", "blocks along the last axis"),
    ("com.microsoft.GatherBlockQuantized", "do not divide", "a block size that does"),
    ("com.microsoft.GroupQueryAttention", "its cache is quantized", "a cache of floats"),
    ("com.microsoft.GroupQueryAttention", "its head size is dynamic", "a fixed head size, or the attribute scale"),
    ("com.microsoft.GroupQueryAttention", "its number of heads is dynamic", "the attribute num_heads"),
    ("com.microsoft.MatMulNBits", "its weights have", "2, 4 or 8 bits in uint8"),
    ("com.microsoft.MultiHeadAttention", "its head size is dynamic", "a fixed head size, or the attribute scale"),
    ("com.microsoft.MultiHeadAttention", "its mask has", "a mask of shape [batch] or [batch, keys]"),
    ("com.microsoft.MultiHeadAttention", "it shares the buffers of its cache", "past and present of their own"),
    ("com.microsoft.QAttention", "it rotates, or shares the buffers of its cache", "MatMul nodes, quantized"),
    ("com.microsoft.RotaryEmbedding", "it scales, or packs its batch", "scale 1, and one row per sequence"),
    ("com.microsoft.RotaryEmbedding", "its number of heads is dynamic", "the attribute num_heads"),
    ("com.microsoft.SimplifiedLayerNormalization", "its inverse deviation is used", _INFERENCE),
    ("SimplifiedLayerNormalization", "its inverse deviation is used", _INFERENCE),
    ("com.microsoft.SkipLayerNormalization", "its mean or deviation is used", _INFERENCE),
    ("com.microsoft.SkipSimplifiedLayerNormalization", "its mean or deviation is used", _INFERENCE),
    ("model", "calls functions", "the model without functions"),
    ("model", "has sparse initializers", "dense ones"),
    ("model", "holds strings or no type at all", "tensors of numbers"),
    ("model", "is not a tensor", "the tensors of a sequence, or of an optional"),
    ("model", "nests graphs more than", "a model without so many graphs in graphs"),
    ("model", "no kernel computes on the types", "a Cast before and after"),
    ("model", "packs several elements into a byte", "int8 or float"),
    ("model", "the functions that it calls become more than", "the model without functions, or in parts"),
    ("model", "uses opset", "an opset that onnx.version_converter brings it to"),
)
"""(operator, words of its refusal, what can replace it) of operators that are read in other forms. What is said of no operator is of the
`model`."""


def refused_operators() -> dict[str, Refusal]:
    """Every operator of the newest opsets that trtc refuses in any form, by its name with its domain."""
    import onnx.defs

    rows = load_tables()
    found: dict[str, Refusal] = {}
    for schema in onnx.defs.get_all_schemas():
        if (schema.domain, schema.name) in rows:
            continue
        if is_defined_by_others(schema.name, schema.domain, schema.since_version):
            continue
        name = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
        found[name] = refusal_of(schema.name, schema.domain)
    return found


def refusal_of(op_type: str, domain: str) -> Refusal:
    """Why an operator without a row is refused."""
    name = f"{domain}.{op_type}" if domain else op_type
    return _OPS.get(name) or _DOMAINS.get(domain) or (_UNKNOWN if domain and domain != "com.microsoft" else _NOT_YET)


def is_listed(op: str, why: str) -> bool:
    """Whether the lists have a refusal: its operator (empty for an input, an initializer or an output), type or form."""
    if op in refused_operators():
        return True
    if any(f"element type {name} is not supported" in why for name in TYPES):
        return True
    return any(form in ("any", op or "model") and words in why for form, words, _ in FORMS) or _inner(why)


def _inner(why: str) -> bool:
    """Whether an operator is refused for one that ONNX defines it by, and the lists have that one."""
    head, _, rest = why.partition(", and there ")
    op = head.removeprefix("ONNX defines it by ")
    return op != head and bool(rest) and is_listed(op, rest)
