"""Jobs: ordered sets of items, each one image; the scheduler hands the items to lanes, fairly between owners."""
