"""The version of this package: one number, read by the build and by every manifest."""

VERSION = "0.1.0"
