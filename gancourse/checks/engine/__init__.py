"""What all checks share: a student's function is called, compared with the right answer, and graded."""
