"""Two made-up datasets with their policies, and what analysts asked of each in the course of a project.

health   visits of patients: ``health.py`` makes them, ``health.txt`` holds the questions
credit   loans of small firms: ``credit.py``, ``credit.txt``
told     a text file of questions → questions with their target errors

Seeds are fixed: the same version of numpy gives the same rows.
"""
