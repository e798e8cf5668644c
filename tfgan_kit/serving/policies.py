"""Which of the versions on disk are to be served."""

from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2

Policy = source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy


def candidates(policy: Policy, versions: list[int]) -> tuple[list[int], int]:
    """The versions that may be served, and how many of them at one time.

    Args:
        policy: `latest { num_versions }`, `all {}` or `specific { versions }`; none is the latest
            one, and so is `num_versions: 0`.
        versions: those on disk, newest first.

    Returns:
        (versions, newest first; how many of these are served). Under `latest` a version that
        cannot be loaded is stood in for by the next older one.

    Example:

    ```python
    candidates(Policy(latest={"num_versions": 2}), [9, 8, 7])  # ([9, 8, 7], 2)
    ```
    """
    choice = policy.WhichOneof("policy_choice")
    if choice == "specific":
        versions = [version for version in versions if version in set(policy.specific.versions)]
    if choice in ("specific", "all"):
        return versions, len(versions)
    return versions, max(1, policy.latest.num_versions)
