"""Titles, logos and artefacts, drawn onto copies of training pictures once the parts are known, and recorded."""
