"""The TensorFlow ops that an exported model may hold: an allow-list of names.

"No stateful op" would refuse every model, since reading a variable is one. All of these exist in TensorFlow
2.17 to 2.21, and give the same output for the same input every time.
"""

_WEIGHTS_AND_FLOW = """
    Assert Case Const EnsureShape For Identity IdentityN If LoopCond MapDefun NoOp PartitionedCall
    Placeholder PlaceholderWithDefault ReadVariableOp ResourceGather ResourceGatherNd
    StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile StopGradient PreventGradient
    TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather
    TensorListGetItem TensorListLength TensorListReserve TensorListResize TensorListSetItem
    TensorListStack VarHandleOp VarIsInitializedOp VariableShape While
"""
_ARITHMETIC = """
    Abs AccumulateNV2 Acos Acosh Add AddN AddV2 All Angle Any ApproximateEqual ArgMax ArgMin Asin
    Asinh Atan Atan2 Atanh BesselI0 BesselI0e BesselI1 BesselI1e Betainc BitwiseAnd BitwiseOr
    BitwiseXor Cast Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Cross Cumprod Cumsum
    CumulativeLogsumexp Digamma Div DivNoNan Equal Erf Erfc Erfinv EuclideanNorm Exp Expm1 Floor
    FloorDiv FloorMod Greater GreaterEqual Igamma Igammac Imag Inv Invert IsFinite IsInf IsNan L2Loss
    LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Max Maximum Mean Min
    Minimum Mod Mul MulNoNan Ndtri Neg NotEqual Polygamma Pow Prod Real RealDiv Reciprocal
    RightShift Rint Round Rsqrt Sign Sin Sinh Sqrt Square SquaredDifference Sub Sum Tan Tanh
    TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta
"""
_ARRAYS = """
    BatchToSpace BatchToSpaceND Bincount Bitcast BroadcastArgs BroadcastGradientArgs BroadcastTo
    Bucketize Concat ConcatOffset ConcatV2 DataFormatDimMap DataFormatVecPermute DenseBincount
    DepthToSpace DynamicPartition DynamicStitch Empty ExpandDims ExtractImagePatches
    ExtractVolumePatches Fill Gather GatherNd GatherV2 InvertPermutation LinSpace LowerBound
    MirrorPad NthElement OneHot OnesLike Pack Pad PadV2 ParallelDynamicStitch Range Rank Reshape
    Reverse ReverseSequence ReverseV2 Roll ScatterNd ScatterNdNonAliasingAdd SegmentMax SegmentMean
    SegmentMin SegmentProd SegmentSum Select SelectV2 Shape ShapeN Size Slice SpaceToBatch
    SpaceToBatchND SpaceToDepth Split SplitV Squeeze StridedSlice TensorScatterAdd TensorScatterMax
    TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TopK TopKV2
    Transpose Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound Where
    ZerosLike
"""
_MATRICES = """
    BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky Diag DiagPart Einsum FFT FFT2D FFT3D IFFT IFFT2D
    IFFT3D IRFFT IRFFT2D IRFFT3D LogMatrixDeterminant Lu MatMul MatrixBandPart MatrixDeterminant
    MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3
    MatrixExponential MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 MatrixSolve
    MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Qr RFFT RFFT2D RFFT3D SelfAdjointEigV2 Svd
"""
_NETWORKS = """
    AvgPool AvgPool3D BiasAdd BiasAddV1 Conv Conv2D Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D
    Conv3DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNative
    DepthwiseConv2dNativeBackpropInput Dilation2D Elu FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 LRN LeakyRelu LogSoftmax MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax Relu Relu6
    Selu Sigmoid Softmax Softplus Softsign
"""
_PICTURES = """
    AdjustContrastv2 AdjustHue AdjustSaturation CropAndResize EncodeBase64 EncodeJpeg
    EncodeJpegVariableQuality EncodePng HSVToRGB ImageProjectiveTransformV2
    ImageProjectiveTransformV3 RGBToHSV ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ScaleAndTranslate
"""
_DRAWN_FROM_A_GIVEN_SEED = """
    RandomIndexShuffle StatelessMultinomial StatelessParameterizedTruncatedNormal
    StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomGammaV3 StatelessRandomGetAlg
    StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
    StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal
    StatelessTruncatedNormalV2
"""
ALLOWED = frozenset(" ".join((
    _WEIGHTS_AND_FLOW, _ARITHMETIC, _ARRAYS, _MATRICES, _NETWORKS, _PICTURES,
    _DRAWN_FROM_A_GIVEN_SEED,
)).split())  # fmt: skip
COMPILED = "_XlaMustCompile"  # TensorFlow Serving answers "XLA compilation disabled" by default


def check_operations(signature, function):
    """Checks that a concrete function can be served, and gives the same outputs every time.

    Args:
        signature: str, its name, for the message.
        function: a concrete function; the functions that it calls are checked, too.

    Raises:
        ValueError: an op that is not in `ALLOWED`, such as a stateful random op, a `tf.py_function` or a
            custom op; or a function with `jit_compile=True`.

    Example:
        >>> draw = tf.function(lambda: tf.random.normal([2])).get_concrete_function()
        >>> check_operations("serving_default", draw)
        Traceback (most recent call last):
        ValueError: The generator holds operations that a server cannot run...
    """
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    library = {f.signature.name for f in graph.library.function}
    refused = {node.op for node in nodes} - library - ALLOWED
    if any(item.attr[COMPILED].b for item in (*nodes, *graph.library.function) if COMPILED in item.attr):
        refused.add("jit_compile=True")
    # keras/src/backend/tensorflow/nn.py, `_conv_xla`
    grouped = (
        "Keras 3.15 compiles grouped convolutions (groups above 1): export with optimisation, which replaces "
        "them by plain ones. "
        if any("__conv_xla_" in name for name in library)
        else ""
    )
    if refused:
        raise ValueError(
            "The generator holds operations that a server cannot run, or that give different results for "
            "the same seed. Take all randomness from the latents, and avoid py_function, files, custom "
            "ops and jit_compile; another TensorFlow op that can be served and is deterministic can be "
            f"added to ALLOWED in tfgan_kit/export/graph/operations.py. {grouped}"
            f"Received: {', '.join(sorted(refused))} in signature {signature!r}"
        )
