"""What is made of finished runs: tables, statistics, figures, a page, and a submission to XTREME."""
