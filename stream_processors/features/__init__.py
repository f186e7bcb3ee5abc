"""Market features: one compiled loop over bars, driven live and in batches.

PUBLISHED and pure. The live processor steps one bar at a time (:mod:`.stepping`), training and
tests step whole tables (:mod:`.batch`); both run the same compiled function of :mod:`.kernel`,
so they agree to the bit by construction, and a test says so. Features of other instruments are put
beside them in batches only (:mod:`.vectors`).
"""
