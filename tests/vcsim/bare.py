"""What reading an estate costs at the least: one PropertyCollector request for all VMs at once."""

from pyVmomi import vim, vmodl

from inventory.sources.vcenter.machines import PROPERTIES
from tests.vcsim.server import Vcsim


def bare_read(vcsim: Vcsim) -> int:
    """Ask for the properties that discovery needs, make nothing of them, and return the number of VMs."""
    content = vcsim.admin.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    collector = vmodl.query.PropertyCollector
    step = collector.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    question = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[step])],
        propSet=[collector.PropertySpec(type=kind, pathSet=paths) for kind, paths in PROPERTIES.items()],
    )
    answer = content.propertyCollector.RetrievePropertiesEx([question], collector.RetrieveOptions())
    view.DestroyView()
    return len(answer.objects)
