"""From a recipe to everything that training needs: samples, plan and model."""
