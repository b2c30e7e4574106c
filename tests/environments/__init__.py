"""Where nbchat runs: environments of their own, each with a small group of tests."""
