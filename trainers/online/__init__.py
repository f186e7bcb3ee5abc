"""The job that learns while the market goes on: predicts, learns when the label is known, publishes.

``operators`` decides, ``target_learners`` learns one target, ``states`` how that is kept,
``publishing`` puts versions into the registry, ``learner`` wires it.
"""
