"""Names of modules: classes, functions, submodules."""

Rows = tuple[tuple[str, str], ...]

_DENSE = "fanin is for dense networks"
_NUMPY = "arrays are NumPy's, and so are the functions on them"
_PREPARE = "prepare the arrays with NumPy before fit"
_MODELS = "a network is a fanin.Sequential or a fanin.Model of inputs and an output"
_COMPILED = "layers run in compiled code, which cannot call Python"
_ONE_DTYPE = "a network has one dtype, float32 or float64: give its layers dtype="
_BY_HAND = "compute it from what predict returns, or give compile(metrics=[f]) a function of yours"
_OBJECTS = "classes of your own are given as custom_objects=, or registered"

# Modules that are not there, by the module they would be in ("" is fanin itself). What one would
# look for in them is not there for the same reason.
MODULES: dict[str, Rows] = {
    "": (
        (f"{_DENSE}, and comes without networks that were trained elsewhere", "applications"),
        (f"{_PREPARE}; fanin.utils has to_categorical and normalize", "preprocessing"),
        (_NUMPY, "math linalg nn signal image"),
        (_ONE_DTYPE, "mixed_precision dtype_policies dtypes"),
        ("training is on one machine, with the threads of fanin.set_num_threads", "distribution"),
        (
            "models are saved with model.save(path) and read with fanin.models.load_model(path)",
            "saved_model export",
        ),
        ("fanin.Sequential is no estimator of scikit-learn; wrap its fit and predict", "wrappers"),
        ("structures of arrays are plain lists and dicts", "tree nest"),
        ("there is nothing to configure but fanin.set_num_threads(count)", "config"),
        ("quantization is not implemented", "quantizers"),
        ("model.summary() and fanin.diagnose(model, x) show a network", "visualization"),
        ("distillation is not implemented", "distillation"),
        (
            "fanin is the public package: import from fanin.layers and its neighbours",
            "src python api",
        ),
        ("old versions of Keras are not kept", "legacy compat"),
        ("experimental parts of Keras are not there", "experimental"),
        (_MODELS, "engine"),
        ("fit, evaluate and predict take arrays", "data io"),
        ("fanin.Sequential is what scikit-learn calls MLPClassifier", "neural_network"),
        ("fanin.optimizers has the optimizers", "optim"),
        ("there are no estimators of TensorFlow", "estimator feature_column"),
    ),
    "layers": (
        (
            f"{_DENSE} and has no convolutions, no pooling and no recurrent layers",
            "convolutional pooling recurrent convolutional_recurrent cudnn_recurrent local "
            "attention",
        ),
        ("a layer is wrapped by none", "wrappers"),
    ),
    "utils": (
        ("fit takes arrays; fanin.datasets has the data", "data_utils io_utils test_utils"),
        (_OBJECTS, "legacy"),
        ("training is on processors of one machine", "multi_gpu_utils training_utils"),
    ),
    "optimizers": (
        (
            "import the class from fanin.optimizers: such as SGD, Adam or RMSprop",
            "adam_v2 gradient_descent_v2 rmsprop_v2 adagrad_v2 adam_v1 optimizer optimizer_v1 "
            "optimizer_experimental functional",
        ),
        ("fanin.optimizers.schedules has what is given as learning_rate", "lr_scheduler"),
        ("optimizers average the weights: Adam(use_ema=True)", "swa_utils"),
    ),
    "backend": (
        (
            "there is one backend, compiled code on NumPy arrays",
            "tensorflow_backend common load_backend",
        ),
    ),
    "preprocessing": ((_PREPARE, "image text sequence"),),
    "wrappers": (("wrap the fit and predict of fanin.Sequential", "scikit_learn"),),
    "models": (
        ("model.get_config() and fanin.Sequential.from_config(config) are the way", "model_config"),
    ),
}

NAMES: dict[str, Rows] = {
    "": (
        (
            "a network is a fanin.Model; Input and layers that are called make its values",
            "Function Functional KerasTensor Operation",
        ),
        ("the classes are in modules: fanin.layers.Layer, fanin.losses.Loss", "Layer Loss Metric"),
        (
            "the classes are in modules: fanin.optimizers.Optimizer, "
            "fanin.initializers.Initializer",
            "Optimizer Initializer",
        ),
        ("layers check their inputs themselves", "InputSpec"),
        ("the class is in a module: fanin.regularizers.Regularizer", "Regularizer"),
        (_ONE_DTYPE, "DTypePolicy FloatDTypePolicy"),
        ("quantization is not implemented", "Quantizer"),
        ("nothing is recomputed to save memory", "RematScope remat"),
        (
            "arrays are NumPy's; there is no graph and no state outside of the model",
            "StatelessScope SymbolicScope Variable name_scope function Graph Session Tensor "
            "GradientTape constant placeholder convert_to_tensor Module",
        ),
        ("everything runs on the processor", "device"),
        ("fanin.__version__ is the version", "version"),
        (
            "fanin.Sequential is what scikit-learn calls a multi-layer perceptron",
            "MLPClassifier MLPRegressor",
        ),
    ),
    "layers": (
        (
            f"{_DENSE} and has no convolutions",
            "Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D Conv1DTranspose "
            "Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose "
            "Convolution3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D "
            "SeparableConv2D SeparableConvolution1D SeparableConvolution2D Deconvolution2D "
            "Deconvolution3D AtrousConvolution1D AtrousConvolution2D LocallyConnected1D "
            "LocallyConnected2D Conv1d Conv2d Conv3d",
        ),
        (
            f"{_DENSE} and has no pooling",
            "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
            "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D "
            "AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D "
            "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D "
            "GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D "
            "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D MaxPool1D MaxPool2D "
            "MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D MaxPool2d AvgPool2d",
        ),
        (
            f"{_DENSE} and has no recurrent layers",
            "RNN SimpleRNN SimpleRNNCell LSTM LSTMCell GRU GRUCell StackedRNNCells Bidirectional "
            "TimeDistributed ConvLSTM1D ConvLSTM2D ConvLSTM3D CuDNNLSTM CuDNNGRU "
            "TimeDistributedDense Masking",
        ),
        (
            f"{_DENSE} and has no attention",
            "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention",
        ),
        (
            "Embedding looks rows of its table up, and no layer multiplies by it besides",
            "ReversibleEmbedding",
        ),
        ("no layer wraps another one's kernel", "SpectralNormalization"),
        ("it is called LayerNormalization", "LayerNorm"),
        ("it is called GroupNormalization", "GroupNorm"),
        ("it is called RMSNormalization", "RMSNorm"),
        (
            "Dropout, GaussianDropout and AlphaDropout take each element by itself",
            "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        ),
        (
            "Flatten, Reshape, Permute and RepeatVector are the layers that change shapes",
            "Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D "
            "UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
        ),
        ("Add, Concatenate and the like are in fanin.layers itself", "Merge"),
        (
            f"{_COMPILED}; transform the arrays before fit",
            "Wrapper FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
        ),
        (
            _PREPARE,
            "Resizing CenterCrop Discretization Hashing "
            "HashedCrossing IntegerLookup StringLookup TextVectorization MelSpectrogram "
            "STFTSpectrogram MaxNumBoundingBoxes Pipeline DenseFeatures AugMix AutoContrast "
            "ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MixUp RandAugment "
            "RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
            "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale "
            "RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization "
            "RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation "
            "RandomWidth RandomZoom Solarization",
        ),
        ("PReLU has the slopes that are learned", "SReLU ParametricSoftplus"),
        ("ReLU(threshold=theta) does the same", "ThresholdedReLU"),
        ("Dense is the only layer with a kernel", "EinsumDense MaxoutDense Highway"),
        ("layers check their inputs themselves", "InputSpec"),
        ("Dense(units) finds the number of inputs by itself", "Linear LazyLinear"),
        ("it is called BatchNormalization", "BatchNorm1d BatchNorm"),
        ("Activation takes it by name, such as Activation('tanh')", "Tanh Sigmoid GELU SELU SiLU"),
        ("models are fanin.Sequential and fanin.Model", "Model Sequential"),
    ),
    "losses": (
        ("use Huber(delta)", "HuberLoss"),
        ("use Huber(delta), which is delta times it", "SmoothL1Loss"),
        ("it is called cosine_similarity", "cosine_proximity"),
        ("it is called log_cosh", "logcosh"),
        ("use Poisson", "PoissonNLLLoss"),
        ("use KLDivergence, or 'kld'", "KLD kld kullback_leibler_divergence KLDivLoss"),
        ("use mean_absolute_percentage_error, or 'mape'", "MAPE mape"),
        ("use mean_squared_logarithmic_error, or 'msle'", "MSLE msle"),
        ("use MeanPinballLoss(alpha)", "PinballLoss QuantileLoss quantile_loss pinball_loss"),
        (
            "categorical_crossentropy and categorical_focal_crossentropy are the losses of classes",
            "CategoricalGeneralizedCrossEntropy categorical_generalized_cross_entropy",
        ),
        (
            "outputs and targets have one shape, and variances no targets: write a class with "
            "value_and_gradient",
            "GaussianNLLLoss GaussianNLL gaussian_nll_loss",
        ),
        (
            f"{_DENSE} and has no losses of images, sequences or embeddings",
            "CTC ctc Circle circle Dice dice Tversky tversky",
        ),
        (
            "use categorical_crossentropy, or sparse_categorical_crossentropy for integer classes",
            "cce CCE crossentropy cross_entropy CrossEntropyLoss ce nll NLLLoss nll_loss log_loss",
        ),
        ("use sparse_categorical_crossentropy", "scce SCCE"),
        ("use BinaryCrossentropy(from_logits=True)", "BCEWithLogitsLoss"),
        ("use binary_crossentropy", "BCE BCELoss"),
        ("use mean_squared_error", "MSE MSELoss l2 squared_error"),
        ("use mean_absolute_error", "MAE L1Loss l1 absolute_error"),
        ("give the class or the function reduction='sum_over_batch_size' or 'sum'", "Reduction"),
        (
            "a loss of your own is a class with value_and_gradient(y_true, y_pred)",
            "LossFunctionWrapper",
        ),
    ),
    "metrics": (
        (
            _BY_HAND,
            "IoU BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU ConcordanceCorrelation "
            "concordance_correlation PearsonCorrelation pearson_correlation confusion_matrix "
            "matthews_correlation",
        ),
        ("use AUC", "auc roc_auc_score"),
        ("use F1Score", "f1 f1_score fmeasure"),
        ("use FBetaScore", "fbeta_score"),
        ("use R2Score", "r2 r2_score"),
        ("use RootMeanSquaredError", "rmse RMSE"),
        ("use LogCoshError, or the function log_cosh", "log_cosh_error logcosh"),
        ("use KLDivergence, or kl_divergence", "KLD kld kullback_leibler_divergence"),
        ("use BinaryCrossentropy, or binary_crossentropy", "bce BCE"),
        ("use MeanAbsoluteError, or mean_absolute_error", "MAE mae"),
        ("use MeanSquaredError, or mean_squared_error", "MSE mse"),
        ("use mean_absolute_percentage_error, or 'mape'", "MAPE mape"),
        ("use mean_squared_logarithmic_error, or 'msle'", "MSLE msle"),
        ("use Mean or Sum of the arrays", "MeanTensor mean sum"),
        ("metrics=[f] takes a function f(y_true, y_pred)", "MeanMetricWrapper"),
        (
            "compile(metrics=['accuracy']) takes the accuracy that fits the loss; Accuracy is "
            "equality",
            "accuracy accuracy_score",
        ),
    ),
    "optimizers": (
        ("it is called Nadam", "NAdam"),
        ("use Lamb", "LARS"),
        ("use Adam, AdamW or SGD", "RAdam ScheduleFreeAdamW ASGD Rprop SparseAdam"),
        ("training is in float32 or float64 and needs no loss scaling", "LossScaleOptimizer"),
        ("a network has one optimizer", "MultiOptimizer OptimizerMap TFOptimizer"),
        (
            "the optimizer holds no arrays: model.slots has them",
            "swap_in_optimizer_params_and_state",
        ),
    ),
    "optimizers.schedules": (
        (
            "give learning_rate a function of the step, or a schedule such as CosineDecay",
            "NoisyLinearCosineDecay LinearCosineDecay StepLR MultiStepLR ExponentialLR "
            "CosineAnnealingLR "
            "CosineAnnealingWarmRestarts LambdaLR LinearLR ConstantLR PolynomialLR OneCycleLR "
            "CyclicLR MultiplicativeLR ChainedScheduler SequentialLR LRScheduler",
        ),
        ("it is a callback: fanin.callbacks.ReduceLROnPlateau", "ReduceLROnPlateau"),
    ),
    "callbacks": (
        ("ModelCheckpoint keeps a model while it is trained", "BackupAndRestore OrbaxCheckpoint"),
        ("fit(verbose=1) shows the progress", "ProgbarLogger BaseLogger"),
        ("LambdaCallback(on_epoch_end=...) can send the values anywhere", "RemoteMonitor"),
        ("fit takes a list: fit(callbacks=[...])", "CallbackList"),
    ),
    "activations": (
        (
            "it halves its axis: in a call, a * fanin.activations.sigmoid(b) of the two halves",
            "glu",
        ),
        ("layers.PReLU has slopes that are learned", "prelu"),
    ),
    "initializers": ((f"{_DENSE} and has no spectrograms", "STFT STFTInitializer stft"),),
    "utils": (
        (
            "model.summary() lists the layers, fanin.utils.plot_model(model) draws them, and "
            "fanin.diagnose(model, x) draws signals",
            "model_to_dot plot print_summary get_source_inputs",
        ),
        (
            f"data are arrays; {_PREPARE}",
            "FeatureSpace audio_dataset_from_directory "
            "image_dataset_from_directory text_dataset_from_directory "
            "timeseries_dataset_from_array array_to_img img_to_array load_img save_img "
            "bounding_boxes pad_sequences HDF5Matrix GeneratorEnqueuer OrderedEnqueuer "
            "SequenceEnqueuer",
        ),
        (
            "slice the arrays, or give fit validation_split",
            "split_dataset pack_x_y_sample_weight unpack_x_y_sample_weight",
        ),
        (
            _OBJECTS,
            "deserialize_keras_object get_registered_name get_registered_object "
            "serialize_keras_object",
        ),
        ("it is fanin.backend.clear_session()", "clear_session"),
        (
            "verbose= of fit, evaluate and predict says what is printed",
            "disable_interactive_logging enable_interactive_logging is_interactive_logging_enabled",
        ),
        ("there are no symbolic tensors: arrays are NumPy's", "is_keras_tensor standardize_dtype"),
        ("a dict does", "Config"),
        (
            "training is on processors of one machine, with the threads of fanin.set_num_threads",
            "multi_gpu_model",
        ),
        ("numpy.argmax(probabilities, axis=-1) does the same", "probas_to_classes"),
        ("model.predict(x).argmax(axis=-1) gives the classes", "categorical_probas_to_classes"),
        ("kernels are (inputs, outputs), as Keras has them", "convert_all_kernels_in_model"),
    ),
    "models": (
        (
            _MODELS,
            "Functional Graph",
        ),
        (
            "fanin.models.model_from_json reads model.to_json(), from_config model.get_config()",
            "model_from_config model_from_yaml",
        ),
        ("it is a method: model.save(path)", "save_model"),
    ),
    "backend": (
        ("arrays are NumPy's: use the array itself", "batch_get_value eval variable"),
        (
            "write into the array: array[...] = value, or model.set_weights(values)",
            "batch_set_value update update_add update_sub moving_average_update",
        ),
        (
            "layers and models are called with training=True or training=False",
            "learning_phase set_learning_phase learning_phase_scope in_train_phase in_test_phase",
        ),
        ("a layer's dtype='float64' makes its network float64", "set_floatx cast_to_floatx"),
        ("the small number is 1e-7; optimizers take epsilon=", "set_epsilon"),
        (
            f"{_DENSE}: axes of images have no order",
            "image_data_format set_image_data_format image_dim_ordering set_image_dim_ordering",
        ),
        (
            "there is one backend, compiled code on NumPy arrays",
            "backend set_backend get_session set_session tf manual_variable_initialization "
            "get_uid reset_uids name_scope function gradients placeholder is_keras_tensor "
            "is_tensor is_sparse to_dense is_placeholder",
        ),
        ("layers have count_params()", "count_params"),
        (
            _NUMPY,
            "arange batch_dot batch_normalization bias_add constant "
            "cumprod dtype eye foldl foldr gather identity "
            "map_fn ones repeat switch zeros in_top_k "
            "is_float_dtype is_int_dtype result_type standardize_dtype",
        ),
        (
            "fanin.activations has the functions",
            "elu hard_sigmoid",
        ),
        (
            "fanin.losses has the functions",
            "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
            "categorical_focal_crossentropy sparse_categorical_crossentropy",
        ),
        (
            "draw with NumPy, or with fanin.initializers",
            "dropout random_bernoulli random_binomial random_normal_variable "
            "random_uniform_variable truncated_normal",
        ),
        (
            f"{_DENSE} and has no convolutions and no recurrent layers",
            "conv1d conv2d conv2d_transpose conv3d conv3d_transpose depthwise_conv2d pool2d "
            "pool3d separable_conv1d separable_conv2d local_conv1d local_conv2d resize_images "
            "resize_volumes spatial_2d_padding spatial_3d_padding temporal_padding rnn "
            "ctc_batch_cost ctc_decode ctc_label_dense_to_sparse",
        ),
    ),
    "ops": (
        (
            f"{_DENSE} and has no convolutions, no pooling and no sequences",
            "adaptive_average_pool adaptive_max_pool average_pool conv conv_transpose ctc_decode "
            "ctc_loss depth_to_space depthwise_conv extract_sequences fold image max_pool "
            "separable_conv space_to_depth unfold",
        ),
        (
            "numbers are real; NumPy has transforms of arrays",
            "angle bartlett blackman conj conjugate fft fft2 hamming hanning i0 ifft2 imag irfft "
            "isreal istft kaiser polar real rfft sinc stft view_as_complex view_as_real",
        ),
        (
            "NumPy has factorizations and determinants of arrays",
            "cholesky cholesky_inverse cross det eig eigh inv linalg logdet lstsq lu_factor "
            "matrix_rank pinv qr slogdet solve solve_triangular svd",
        ),
        (
            "matmul, dot and einsum are what is implemented of products",
            "inner kron rearrange vdot",
        ),
        (
            "fanin.losses has the losses",
            "binary_crossentropy categorical_crossentropy psnr sparse_categorical_crossentropy",
        ),
        (
            "fanin.layers has what is implemented of layers",
            "batch_normalization dot_product_attention layer_normalization rms_normalization",
        ),
        (
            "what depends on numbers is where(condition, a, b): networks run in compiled code",
            "associative_scan cond custom_gradient fori_loop jvp map scan switch vectorize "
            "vectorized_map while_loop",
        ),
        (
            "fanin.activations has the activations that are implemented",
            "celu glu hard_shrink soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus "
            "tanh_shrink threshold",
        ),
        (
            "the functions are in fanin.ops itself",
            "nn numpy",
        ),
        (
            "numbers are floating-point ones; NumPy has functions of whole ones",
            "bincount bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or "
            "bitwise_right_shift bitwise_xor digitize gcd lcm left_shift right_shift "
            "searchsorted unravel_index",
        ),
        (
            "it is not implemented as an operation of networks; NumPy has it for arrays",
            "allclose append argpartition array array_split cbrt cdist copy corrcoef correlate "
            "cumprod deg2rad diag diagflat diagonal diff divide_no_nan dsplit dstack dtype empty "
            "empty_like erfc erfinv exp2 fabs fliplr flipud fmax fmin fmod geomspace get_item "
            "heaviside histogram hsplit hstack hypot identity is_tensor isin isneginf isposinf "
            "ldexp logaddexp2 logspace median meshgrid multi_hot nan_to_num nanargmax nanargmin "
            "nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod "
            "nanquantile nanstd nansum nanvar nextafter nonzero percentile ptp quantile rad2deg "
            "ravel rot90 saturate_cast scatter scatter_update segment_max segment_min "
            "segment_prod segment_sum select signbit slice slice_update trace trapezoid tri tril "
            "triu unique vander view vsplit vstack",
        ),
    ),
    "random": (
        (
            "draw with NumPy: numpy.random.default_rng(seed)",
            "beta binomial categorical gamma randint shuffle truncated_normal",
        ),
        ("give models and initializers rng= or seed=", "Generator"),
        ("it is fanin.set_random_seed(seed)", "set_seed seed manual_seed set_global_generator"),
    ),
    "saving": (
        (
            "models are saved with model.save(path) and read with fanin.models.load_model(path)",
            "KerasFileEditor save_model save_weights load_weights",
        ),
        (
            _OBJECTS,
            "deserialize_keras_object get_registered_name get_registered_object "
            "serialize_keras_object",
        ),
    ),
}

# What a registry of names calls its members, and the module whose names they are.
KINDS = {
    "activation": "activations",
    "initializer": "initializers",
    "layer": "layers",
    "learning rate schedule": "optimizers.schedules",
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
}
