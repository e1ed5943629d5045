"""Splitters: share groups of samples out over train, validation and test."""

SPLITTERS = {
    "stratified": "stages.splitters.stratified:stratified",
    "random": "stages.splitters.stratified:random",
    "temporal": "stages.splitters.temporal:temporal",
}
