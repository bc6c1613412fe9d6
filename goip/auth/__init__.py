"""Who is calling, and what each may do."""
