"""Methods and attributes of models, layers, optimizers and what else has a class."""

from fanin._absences.names import Rows

_OUTSIDE = "what a network computes is compiled; forward and backward are its steps by hand"
_GRAPH = "model.inputs, model.output and layer.output are values, without numbers"
_QUANTIZED = "quantization is not implemented"
_ARRAYS = "arrays are made by build, and none can be added"
_DTYPE = "a network has one dtype: see dtype"
_FILES = "model.save(path) and fanin.models.load_model(path) keep everything"
_STATELESS = "fanin's objects are plain Python: copy.deepcopy keeps a state"
_DEVICE = "everything runs on the processor"
_LORA = "low-rank adaptation is not implemented"
_HOOKS = "nothing can be hooked into compiled code; fit takes callbacks"

# What tells an object of a kind: an attribute that only this kind has.
MARKS = {
    "model": "fit",
    "layer": "compute_output_shape",
    "optimizer": "learning_rates",
    "metric": "update_state",
    "callback": "on_epoch_end",
    "loss": "value_and_gradient",
    "initializer": "explain",
}

# What layers and models share in Keras, and modules in torch.
_SHARED: Rows = (
    ("metrics are given to compile", "add_metric metrics_variables"),
    (_ARRAYS, "add_variable register_parameter register_buffer add_module"),
    (
        "a layer or model is called itself: layer(x), or layer.forward(x) for what backward needs",
        "symbolic_call stateless_call rematerialized_call quantized_call",
    ),
    (_GRAPH, "input_tensor output_tensor inbound_nodes outbound_nodes"),
    (
        "there are no symbolic tensors; input_shape and output_shape are there",
        "input_spec compute_output_spec get_input_at get_output_at get_input_shape_at "
        "get_output_shape_at get_input_mask_at get_output_mask_at compute_mask supports_masking "
        "input_mask output_mask call_signature_parameters set_input get_output get_input",
    ),
    (_DTYPE, "autocast compute_dtype dtype_policy input_dtype variable_dtype half double float"),
    (_QUANTIZED, "quantize quantized_build quantization_mode quantization_config"),
    (
        _FILES,
        "load_own_variables save_own_variables build_from_config get_build_config "
        "variable_serialization_spec",
    ),
    ("name is its only name", "path"),
    ("everything is compiled already", "supports_jit jit_compile"),
    ("get_weights and set_weights read and write the arrays", "state_dict load_state_dict"),
    ("params is the one array of all parameters, weights the list", "parameters named_parameters"),
    ("call it with training=True or training=False", "train eval"),
    (_DEVICE, "to cuda cpu device"),
    ("gradients are what backward returns", "zero_grad requires_grad_ grad"),
    (
        _HOOKS,
        "register_forward_hook register_forward_pre_hook register_backward_hook "
        "register_full_backward_hook apply",
    ),
    ("there are no modules in modules: a network has layers", "children modules named_modules"),
)

MEMBERS: dict[str, Rows] = {
    "model": (
        (
            "train_on_batch(x, y) takes one step; a further one goes on where it stopped",
            "partial_fit",
        ),
        (
            "fit, evaluate and predict take generators too",
            "fit_generator evaluate_generator predict_generator",
        ),
        (
            _OUTSIDE,
            "train_step test_step predict_step make_train_function make_test_function "
            "make_predict_function train_function test_function predict_function compute_loss "
            "compute_loss_and_updates stateless_compute_loss compute_metrics get_metrics_result "
            "compiled_loss compiled_metrics loss_functions total_loss",
        ),
        ("evaluate, fit and train_on_batch start their metrics anew", "reset_metrics reset_states"),
        (
            "model.to_json() and fanin.models.model_from_json(text) do the same",
            "to_yaml",
        ),
        (_FILES, "export get_compile_config compile_from_config"),
        (_STATELESS, "get_state_tree set_state_tree jax_state_sync"),
        (_QUANTIZED, "get_quantization_layer_structure"),
        ("everything is compiled already", "run_eagerly steps_per_execution auto_scale_loss"),
        ("predict(x) returns the probabilities of a softmax or sigmoid", "predict_proba"),
        ("numpy.log(model.predict(x)) does the same", "predict_log_proba"),
        (
            "model.predict(x).argmax(axis=-1) gives the classes, (model.predict(x) > 0.5) the "
            "answers",
            "predict_classes classes_",
        ),
        ("evaluate(x, y) returns the loss and the metrics of compile", "score"),
        (
            "fanin.Sequential is no estimator of scikit-learn; get_config has its layers",
            "get_params set_params get_metadata_routing set_fit_request set_score_request",
        ),
        ("each layer has kernel and bias: model.layers[0].kernel", "coefs_ intercepts_"),
        ("the History that fit returns has the values of epochs", "loss_curve_ loss_ best_loss_"),
        (
            "the History that fit returns has the epochs",
            "n_iter_ t_ validation_scores_ best_validation_score_",
        ),
        (
            "count_params() and model.layers tell the sizes",
            "n_layers_ n_outputs_ n_features_in_ out_activation_",
        ),
        ("optimizer.learning_rate is the learning rate", "lr learning_rate"),
        ("the optimizer's arrays are model.slots", "optimizer_weights"),
        ("networks have no state between batches", "stateful state_updates updates"),
        ("a fanin.Model of model.input and the output of a layer computes it", "get_layer_output"),
        (_ARRAYS, "add_weight"),
        ("a layer has one", "activity_regularizer"),
        *_SHARED,
    ),
    "layer": (
        (_LORA, "enable_lora lora_alpha lora_enabled lora_rank"),
        ("batch renormalization is not implemented", "renorm renorm_clipping renorm_momentum"),
        ("there is one process to normalize in", "synchronized"),
        ("metrics are given to compile", "metrics"),
        ("it is called kernel", "W weight w"),
        ("it is called bias", "b"),
        ("it is called units", "output_dim out_features nb_units"),
        ("input_shape has it, once the layer is built", "input_dim in_features"),
        ("it is called rate", "p"),
        ("it is called kernel_initializer", "init"),
        ("it is called moving_mean", "running_mean"),
        ("it is called moving_variance", "running_var running_std"),
        ("networks have no state between batches", "stateful reset_states updates"),
        ("models are trained, and a layer by itself with forward and backward", "fit compile"),
        *_SHARED,
    ),
    "optimizer": (
        ("it is called learning_rate", "lr"),
        (
            "a schedule does that: fanin.optimizers.schedules.ExponentialDecay",
            "decay initial_decay lr_decay",
        ),
        (
            "step(params, grads, slots, iteration) updates arrays in place",
            "apply_gradients apply stateless_apply update_step minimize get_updates "
            "compute_gradients get_gradients assign assign_add assign_sub",
        ),
        ("layers and models return gradients from backward", "zero_grad"),
        (
            "the optimizer holds no arrays: model.slots has them by name, and init makes them",
            "variables weights get_weights set_weights build built add_variable get_slot "
            "add_optimizer_variables add_variable_from_reference finalize_variable_values state "
            "state_dict load_state_dict load_own_variables save_own_variables",
        ),
        (
            "training is in float32 or float64 and needs no loss scaling",
            "loss_scale_factor scale_loss",
        ),
        ("one optimizer has one learning rate", "param_groups add_param_group defaults"),
        ("it is called epsilon", "eps"),
        ("they are called beta_1 and beta_2", "betas"),
    ),
    "loss": (
        ("a loss is called itself: loss(y_true, y_pred)", "fn"),
        ("a loss has the dtype of the predictions", "dtype"),
    ),
    "metric": (
        (
            "a metric has no variables: numbers and arrays are attributes that reset_state sets",
            "variables add_variable add_weight count total weights",
        ),
        (_STATELESS, "stateless_reset_state stateless_result stateless_update_state"),
        ("its sums are float64", "dtype"),
        ("it is called reset_state", "reset_states reset"),
    ),
    "callback": (
        ("on_epoch_end is given the values as logs", "validation_data"),
        ("mode says whether larger is better", "monitor_op"),
    ),
    "initializer": (
        ("groups, fan_in and fan_out say what counts as inputs", "input_axes output_axes"),
        ("it is called with a shape: initializer(shape, rng=seed)", "call generator"),
    ),
}
