"""Result records, their grading and their renderers; imports nothing else of mailspec's.

`records` holds what a run found, `grade` is the one place where level and verdict meet, and every renderer is a
pure function of the records.
"""
