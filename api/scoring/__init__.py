"""The job that predicts: features and promotions in, predictions out."""
