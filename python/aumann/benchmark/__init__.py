"""What aumann is measured against."""
