"""`manage.py jobs_document`: the states of jobs and the moves between them, from where they are declared."""

from config.jobs.states import states_document
from config.schema.document_command import DocumentCommand


class Command(DocumentCommand):
    help = "Describe the states of every kind of job and the moves between them. It asks no database."
    name, page = "jobs_document", "states.md"

    def text(self) -> str:
        return states_document()
