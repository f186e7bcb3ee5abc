"""The platform's own recording: raw quotes and the flow of perpetual futures, in parquet files by kind and day."""
