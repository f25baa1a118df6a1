"""scikit-learn's BernoulliRBM, whose training is PCD-1 with as many chains as the batch."""

from measure import arguments, time_form

GIVEN = arguments("pcd-784-500")

import sklearn  # noqa: E402  after the number of threads is set
from sklearn.neural_network import BernoulliRBM  # noqa: E402

import work  # noqa: E402

batches = work.data(GIVEN.chains)
# float32 data keep scikit-learn in float32; one pass over them is one call, checks of them included.
images = batches.reshape(-1, work.VISIBLE)


def fit():
    model = BernoulliRBM(work.HIDDEN, learning_rate=work.RATE, batch_size=GIVEN.chains, n_iter=1,
                         random_state=0)
    return model.fit(images)


model = fit()
assert model.components_.dtype == images.dtype
work.check_training("fit", GIVEN.chains, model.components_.T, model.intercept_visible_,
                    model.intercept_hidden_)
time_form(GIVEN, "scikit-learn", sklearn.__version__, "fit", fit, len(batches))
