//! Pictures: grids, filters, curves, animations. Pixels only; nothing here knows of models.
