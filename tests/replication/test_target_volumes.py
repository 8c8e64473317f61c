"""Where a volume of a target is, and whose copy it holds."""

import pytest
from django.core.exceptions import ValidationError

from config.demo.factories import TargetFactory, TargetVolumeFactory
from replication.models import VolumeStatus

pytestmark = pytest.mark.django_db


def test_each_target_has_device_paths_of_its_own() -> None:
    first = TargetVolumeFactory(device_path="/dev/vdb")
    second = TargetVolumeFactory(device_path="/dev/vdb")
    assert first.target != second.target
    with pytest.raises(ValidationError, match="already exists"):
        TargetVolumeFactory.build(
            vm_disk=None, target=first.target, status=VolumeStatus.AVAILABLE, device_path="/dev/vdb"
        ).validate_constraints()


def test_a_volume_that_is_detached_to_be_switched_still_says_whose_copy_it_holds() -> None:
    volume = TargetVolumeFactory(device_path="/dev/vdb")
    volume.status, volume.device_path = VolumeStatus.DETACHED, None
    volume.full_clean()
    volume.save()
    volume.refresh_from_db()
    assert volume.vm_disk is not None
    TargetVolumeFactory(target=TargetFactory(), vm_disk=None, status=VolumeStatus.DETACHED).full_clean()
