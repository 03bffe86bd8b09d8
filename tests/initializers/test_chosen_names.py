"""Names that users choose for what they add to the package's classes are theirs."""

import fanin
import pytest
from fanin import callbacks, initializers, layers, losses, metrics, optimizers
from fanin.optimizers import schedules
from refusals import outcome

KINDS = {
    callbacks.Callback: (),
    callbacks.EarlyStopping: (),
    callbacks.History: (),
    callbacks.ModelCheckpoint: ("model.npz",),
    callbacks.ReduceLROnPlateau: (),
    fanin.Sequential: (),
    initializers.HeNormal: (),
    initializers.Initializer: (),
    layers.BatchNormalization: (),
    layers.Dense: (3,),
    layers.Dropout: (0.5,),
    losses.BinaryCrossentropy: (),
    metrics.BinaryAccuracy: (),
    optimizers.Adam: (),
    schedules.CosineDecay: (0.1, 2),
    schedules.LearningRateSchedule: (),
}
# Attributes and methods of callbacks, layers and models in public scripts.
CHOSEN = """
best_model best_score best_loss best_acc best_epoch best_val_loss current_epoch epochs
epoch_times times start_time losses val_losses accs lr lrs learning_rates models
model_path model_name model_dir save_path save_dir path paths filename file log_dir
logger logs history histories data x_val y_val x y X Y x_train validation_data
batch_size batch batches batch_num batch_count n_batches steps step step_num total_steps
total_epochs num_epochs n_epochs max_epochs warmup warmup_steps warmup_epochs decay rate
rates factor min_lr max_lr base_lr min_delta delta threshold target wait waits patience
counter count verbose mode monitor metric metrics metric_name score scores result
results values value best worst weights best_weights weight initial_weights
final_weights param params_list prefix suffix name names title fig ax plots plot display
interval freq frequency every n k seed seeds rng random_state generator train_data
test_data train_loss test_loss train_losses stopped stop stopped_at restart snapshots
checkpoint checkpoints period save_freq units_list hidden hidden_size width depth size
sizes shape dims dim n_layers layer_names layer1 layer2 layer_sizes dense dense1 out
output outputs inputs input_dim features classes n_classes num_classes alpha beta gamma
scale shift eps epsilon kernel_size gain bias_value trainables state states mem memory
cache queue pbar bar progress callback callbacks on_stop get_model make_model
build_model load_best reset run runs main train test predict_all plot_losses get_lr
set_lr get_best set_best update compute
"""


@pytest.mark.parametrize("cls", KINDS)
def test_chosen_names_pass(cls):
    refused = []
    mine = type("Mine", (cls,), {"__module__": __name__})(*KINDS[cls])
    for name in CHOSEN.split():
        if name in (*dir(cls), *vars(mine)):
            continue
        error = outcome(lambda n=name: setattr(mine, n, [1]))
        refused += [f"{name}: {error}"] if error else []
        body = {"__module__": __name__, name: lambda self: None}
        error = outcome(lambda b=body: type("Mine", (cls,), b))
        refused += [f"{name}(): {error}"] if error else []
    assert not refused


def test_names_of_the_users_may_be_alike():
    mine = type("Mine", (callbacks.EarlyStopping,), {"__module__": __name__})()
    for name in ("loss_a", "loss_b", "record", "recorb", "step1", "step2"):
        setattr(mine, name, 1)
    assert mine.loss_b == mine.recorb == 1


def test_a_schedule_may_have_a_method_named_call():
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step):
            return self.call(step)

        def call(self, step):
            return 0.5**step

    class Sevens(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return self.call(shape)

        def call(self, shape):
            return fanin.initializers.Constant(7.0)(shape)

    assert Halving()(2) == 0.25
    assert (Sevens()((2, 2)) == 7).all()
