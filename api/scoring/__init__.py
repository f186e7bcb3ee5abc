"""The scoring job: it reads features and promotions, and publishes predictions."""
