"""Pictures handed on: in another format, without their recipes, as a contact sheet, as a set to train with."""
