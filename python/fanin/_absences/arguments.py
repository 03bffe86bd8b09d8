"""Keyword arguments: those that are called otherwise here, and those that nothing takes."""

from fanin._absences.names import Rows

# Old or other names of what is there: the first of the new ones that the function takes is told.
RENAMED: dict[str, str] = {
    # Keras 1 and 2.
    "output_dim": "units",
    "init": "kernel_initializer initializer",
    "W_init": "kernel_initializer",
    "b_init": "bias_initializer",
    "W_regularizer": "kernel_regularizer embeddings_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint embeddings_constraint",
    "b_constraint": "bias_constraint",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
    "mean_init": "moving_mean_initializer",
    "nb_epoch": "epochs",
    "nb_epochs": "epochs",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "nb_classes": "num_classes",
    "nb_class": "num_classes",
    "n_classes": "num_classes",
    "p": "rate",
    "lr": "learning_rate",
    "objective": "loss",
    "batch_shape": "batch_input_shape shape",
    "filename": "filepath",
    "path": "filepath filename",
    "fpath": "filepath",
    "y_true": "y",
    "y_pred": "x",
    "X": "x",
    "Y": "y",
    "inputs": "x",
    "targets": "y",
    "validation_set": "validation_data",
    "callback": "callbacks",
    "epoch": "epochs",
    "sample_weights": "sample_weight",
    "class_weights": "class_weight",
    # torch.
    "out_features": "units",
    "bias": "use_bias bias_initializer center",
    "negative_slope": "alpha",
    "a": "negative_slope",
    "alpha": "negative_slope rho weight_decay",
    "eps": "epsilon epsilon_1",
    "beta2_decay": "beta_2_decay",
    "d": "clip_threshold",
    "adjust_lr_fn": "rms_rate",
    "ns_coefficients": "muon_a",
    "affine": "scale",
    "max_val": "max_value",
    "input": "x",
    "target": "y",
    "std": "stddev",
    "stddev": "std",
    "a_min": "minval a",
    "low": "minval a",
    "high": "maxval b",
    "minval": "a",
    "maxval": "b",
    "val": "value",
    "value": "val",
    "T_max": "decay_steps",
    "step_size": "decay_steps",
    "gamma": "decay_rate factor",
    "milestones": "boundaries",
    # scikit-learn.
    "hidden_layer_sizes": "hidden layers",
    "learning_rate_init": "learning_rate",
    "max_iter": "epochs",
    "n_iter": "epochs",
    "nesterovs_momentum": "nesterov",
    "solver": "optimizer",
    "random_state": "rng seed",
    "validation_fraction": "validation_split",
    "n_iter_no_change": "patience",
    "tol": "min_delta",
    "n_jobs": "threads",
    "workers": "threads",
    # Between functions of fanin.
    "seed": "rng generator seeds",
    "rng": "generator seed seeds",
    "generator": "rng",
    "key": "rng seed",
    "initializer": "kernel_initializer initializers",
    "initializers": "arms initializer",
    "gain": "scale",
    "dim": "axis",
    "num_threads": "threads",
}

_PENALTY = "layers take regularizers: kernel_regularizer=fanin.regularizers.L1L2(...)"
_ARRAYS = "data are arrays, and an epoch is one pass over them"
_NOT_NEEDED = "everything is compiled already, for the processor"

# What nothing in fanin does, and why.
REASONS: Rows = (
    (
        _PENALTY,
        "l1 l2 nuclear",
    ),
    (
        "fanin is for dense networks and has no convolutions",
        "border_mode padding strides subsample filters nb_filter nb_row nb_col kernel_size "
        "dim_ordering data_format dilation_rate in_channels out_channels stride dilation",
    ),
    (
        "fanin is for dense networks and has no recurrent layers",
        "return_sequences return_state stateful inner_init inner_activation recurrent_initializer "
        "recurrent_dropout dropout_W dropout_U unroll go_backwards mask_zero input_length",
    ),
    (
        _ARRAYS,
        "samples_per_epoch nb_val_samples steps_per_epoch validation_steps max_q_size "
        "max_queue_size nb_worker use_multiprocessing pickle_safe val_samples val_data_generator",
    ),
    ("the number of inputs is found when data come, or given as input_dim", "in_features"),
    ("the number of features is found when data come", "num_features"),
    ("give beta_1 and beta_2", "betas"),
    (
        "give learning_rate a schedule, such as optimizers.schedules.ExponentialDecay",
        "decay lr_decay power_t schedule_decay",
    ),
    ("training is in float32 or float64 and needs no loss scaling", "loss_scale_factor"),
    (
        "an optimizer takes no parameters: compile gives it those of the model",
        "params var_list grads_and_vars defaults",
    ),
    (
        _NOT_NEEDED,
        "foreach capturable differentiable fused device run_metadata distribute "
        "sample_weight_mode experimental_run_tf_function",
    ),
    ("the loss is minimized; give it the other sign", "maximize"),
    ("momentum is not damped", "dampening"),
    ("a row of weight 0 counts nothing: give sample_weight", "ignore_class"),
    ("classes are numbers from 0 on, in any order", "from_sorted_ids"),
    ("penalties are on what layers make of their inputs", "activity_regularizer"),
    ("callbacks.EarlyStopping does that", "early_stopping"),
    ("a further fit goes on where it stopped", "warm_start"),
    ("there is no line search", "max_fun line_search_fn"),
    ("compile takes metrics=['accuracy']", "class_mode show_accuracy"),
    ("optimizers have clipnorm and clipvalue", "max_norm"),
    ("one process normalizes", "synchronized renorm renorm_clipping renorm_momentum"),
    ("low-rank adaptation is not implemented", "lora_rank lora_alpha"),
    ("quantization is not implemented", "quantization_config"),
    ("arrays are dense", "sparse ragged"),
    ("a network needs all of its inputs", "optional"),
    ("a network is built once the shape of its samples is known", "rebuild"),
    ("weight_decay is always decoupled", "decoupled_weight_decay"),
    ("running averages are always kept", "track_running_stats"),
    ("call set_weights once it is built", "weights"),
    (
        "Input makes a value of a shape, of nothing else",
        "tensor input_tensor input_tensors call_function",
    ),
    ("layers are copied with their configuration", "clone_function recursive"),
    ("files hold nothing that could run", "safe_mode"),
    ("a file is always a zip archive of arrays", "zipped save_format options max_shard_size"),
    ("arrays are found by their names and must all be there", "by_name skip_mismatch"),
    ("fan_in= and fan_out= say what counts as inputs and outputs", "input_axes output_axes"),
    ("training stops; history has the values until then", "raise_error"),
    ("set trainable of each layer, or of the model once it is made", "trainable"),
    ("a value is compared with the best one so far", "baseline"),
    ("the result has the dtype of what is given; fanin.ops.cast makes another", "dtype"),
    ("take fanin.ops.maximum or minimum of the result and it", "initial"),
    (
        "CSVLogger and the History that fit returns keep the values",
        "log_dir histogram_freq write_graph write_images update_freq",
    ),
)

_ACCURACIES = "accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy"

# What a recorded value may be called instead.
RECORDS: dict[str, str] = {
    **dict.fromkeys(_ACCURACIES.split(), _ACCURACIES),
    "lr": "learning_rate",
    "mse": "mean_squared_error loss",
    "mean_squared_error": "mse loss",
    "mae": "mean_absolute_error loss",
    "mean_absolute_error": "mae loss",
    "cost": "loss",
}
