"""From which probability on a class is named: one rule of many, fitted a class, with how far it can be relied on."""
