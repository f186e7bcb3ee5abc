"""What jobs are given: bars, stored features, data sets, searched parameters, journals."""
