"""Templates of alert labels and annotations (DESIGN §9)."""

from linkwatch.core.template.blocks import Template, parse_template
from linkwatch.core.template.pipeline import TemplateError

__all__ = ["Template", "TemplateError", "parse_template"]
