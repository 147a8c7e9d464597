"""The main job played through once: a file of cases, four partners, figures, one waterfall."""
