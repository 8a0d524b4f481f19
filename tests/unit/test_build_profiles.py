"""Recipes: the same for both variants and every clone, different wherever what is built differs."""

from __future__ import annotations

from dataclasses import replace

from harness import build_profiles, paths
from harness.variants import Profile


def test_each_profile_has_a_recipe_of_its_own() -> None:
    assert set(build_profiles.RECIPES) == set(Profile)
    assert len({recipe.key() for recipe in build_profiles.RECIPES.values()}) == len(Profile)


def test_no_recipe_names_a_place() -> None:
    for recipe in build_profiles.RECIPES.values():
        told = repr(recipe)
        assert str(paths.ROOT) not in told
        assert build_profiles.OBJ in told


def test_progress_estimates_do_not_count_as_input_and_flags_do() -> None:
    recipe = build_profiles.recipe(Profile.FAST)
    assert replace(recipe, steps=1).key() == recipe.key()
    assert replace(recipe, variables={"CFLAGS_NODIST": "-O1"}).key() != recipe.key()


def test_filled() -> None:
    assert build_profiles.filled({"A": "-x={obj}/=", "B": "1"}, "/o") == {"A": "-x=/o/=", "B": "1"}


def test_release_is_profile_guided_with_link_time_optimisation() -> None:
    recipe = build_profiles.recipe(Profile.RELEASE)
    assert {"--enable-optimizations", "--with-lto"} <= set(recipe.configure)
    assert recipe.clean
