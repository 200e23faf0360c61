"""A prepared data set on disk: TFRecord shards, their index, and the `WalkDataset` that reads them."""
