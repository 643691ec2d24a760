"""The thin library behind the book *Speech Emotion Recognition, Reproduced*.

Data flows one way: corpora, views, protocols, papers, results. Heavy libraries load when used.
"""

__version__ = "0.1.0"
