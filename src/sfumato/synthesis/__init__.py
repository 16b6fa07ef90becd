"""Titles, logos and artefacts drawn onto training pictures, once the parts are known, with a record of what was drawn."""
