"""The job that learns while the market runs: it predicts, learns when the label is known, and publishes versions.

``operators`` decides what is learnt and published, ``target_learners`` learns one target, ``states`` stores it,
``publishing`` puts versions into the registry, ``learner`` connects all of it.
"""
