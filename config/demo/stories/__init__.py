"""What happened to the VMs of the estate: each story makes the rows of one job, consistent from its first move on."""
