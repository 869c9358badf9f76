"""Other optimizers, each at a learning rate usual for it."""

from harness import BASELINE, Suite

SUITE = Suite(
    "optimizer",
    [
        # Plain gradient descent needs larger steps than Adam's.
        BASELINE.replace(optimizer="sgd", learning_rate=0.01),
        # Momentum 0.9: what most published CIFAR-10 recipes use.
        BASELINE.replace(optimizer="momentum", learning_rate=0.01),
        # Adam without its mean of gradients.
        BASELINE.replace(optimizer="rmsprop"),
        # Adam with decoupled weight decay.
        BASELINE.replace(optimizer="adamw"),
        # Adam with Nesterov's look ahead.
        BASELINE.replace(optimizer="nadam"),
    ],
    slow=True,
)
