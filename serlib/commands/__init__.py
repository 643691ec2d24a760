"""What each command of ``serlib`` does."""
