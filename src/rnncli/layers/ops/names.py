"""The operations that each file here knows, so that listing them loads none of the files."""

OPERATIONS = {
    "elementwise": (
        "Absolute Abs Fabs Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Ceil Cos Cosh Exp Exp2 "
        "Expm1 Floor I0 Isfinite Isinf Isnan Isneginf Isposinf Isreal Log Log10 Log1p Log2 "
        "LogicalNot BitwiseNot BitwiseInvert Negative Reciprocal Rint Sign Signbit Sin Sinh Sqrt "
        "Square Tan Tanh Trunc Deg2rad Rad2deg Sinc Cbrt Real Imag Angle Conjugate Conj NotEqual "
        "Equal Greater GreaterEqual Less LessEqual LogicalOr LogicalAnd LogicalXor Add Subtract "
        "Multiply TrueDivide Divide FloorDivide Mod Fmod Power Maximum Minimum Fmax Fmin Arctan2 "
        "Hypot Logaddexp Logaddexp2 Heaviside Gcd Lcm Ldexp Nextafter BitwiseAnd BitwiseOr "
        "BitwiseXor LeftShift RightShift BitwiseLeftShift BitwiseRightShift Where Sigmoid Relu "
        "Relu6 Softplus Softsign Silu LogSigmoid HardSigmoid HardSilu Selu Mish TanhShrink "
        "HardTanh SparsePlus SparseSigmoid ZerosLike OnesLike EmptyLike FullLike Cast "
        "SaturateCast ConvertToTensor Array StopGradient Copy Clip Round NanToNum DivideNoNan "
        "Isclose Rsqrt Erf Erfc Erfinv Gelu LeakyRelu Elu Celu HardShrink SoftShrink Squareplus "
        "Threshold Polar AddN SquaredDifference Select"
    ),
    "reductions": (
        "Any All Sum Mean Amax Amin Std Var Median Nansum Nanmean Nanmax Nanmin Nanstd Nanvar "
        "Nanprod Nanmedian Nanargmax Nanargmin Ptp Argmax Argmin CountNonzero Cumsum Cumprod "
        "Nancumsum Nancumprod Max Min Prod Logsumexp Norm Average Normalize Moments Quantile "
        "Percentile Nanquantile Nanpercentile Softmax LogSoftmax Sparsemax Glu Sort Argsort "
        "Argpartition TopK InTopK Diff Trapezoid Bincount Digitize SearchSorted Histogram "
        "AllClose BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy PSNR "
        "IsIn SegmentSum SegmentMax SegmentMin SegmentProd"
    ),
    "reshaping": (
        "ExpandDims Squeeze Transpose Moveaxis Swapaxes Reshape Ravel Tile Repeat Pad BroadcastTo "
        "Flip Fliplr Flipud Roll Rot90 Tril Triu Diag Diagflat Diagonal Trace Vander Ndim Shape "
        "Size Rearrange DepthToSpace SpaceToDepth ViewAsComplex ViewAsReal"
    ),
    "joining": (
        "Concatenate Append Stack Hstack Vstack Dstack Split ArraySplit Hsplit Vsplit Dsplit "
        "Unstack Meshgrid Full Arange Linspace Logspace Geomspace"
    ),
    "indexing": (
        "GetItem Take TakeAlongAxis OneHot MultiHot Scatter ScatterUpdate Slice SliceUpdate "
        "UnravelIndex Nonzero Unique"
    ),
    "products": (
        "Matmul Dot Inner Outer Vdot Tensordot Einsum Kron Cross Correlate Corrcoef CDist Det "
        "Logdet Slogdet Inv Pinv Cholesky CholeskyInverse Eigh Eig LuFactor Qr SVD Solve "
        "SolveTriangular Lstsq MatrixRank"
    ),
    "networks": (
        "Conv DepthwiseConv SeparableConv ConvTranspose MaxPool AveragePool AdaptiveMaxPool "
        "AdaptiveAveragePool BatchNorm LayerNorm RMSNorm DotProductAttention Unfold Fold"
    ),
    "signals": ("FFT FFT2 IFFT2 RFFT IRFFT ExtractSequences STFT ISTFT"),
    "images": (
        "RGBToGrayscale RGBToHSV HSVToRGB Resize PadImages CropImages ExtractPatches "
        "MapCoordinates AffineTransform GaussianBlur SobelEdges"
    ),
}
