"""The query API: reads logs back, and updates them, which needs reading."""
