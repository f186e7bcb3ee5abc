"""Features of bars: compiled loops that the live drivers and the batch drivers share.

PUBLISHED and pure. The live processor steps one bar at a time (:mod:`.stepping`); training and tests step
whole tables (:mod:`.batch`). Both run the same compiled function of :mod:`.kernel`, so they agree to the bit
by construction, and a test checks it. The features of companions likewise have one kernel
(:mod:`.vector_kernel`), a live driver (:mod:`.vector_stepping`) and a batch driver (:mod:`.vectors`).
"""
