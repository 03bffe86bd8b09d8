"""What a model writes into files and reads from them."""

import os
from typing import Any

from fanin import _checks
from fanin._members._registry import Configurable


class WithFiles(Configurable):
    """A model that can be saved. What archives hold is in `_archive`, imported when it is used."""

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write all arrays to one file, in NumPy's npz format.

        Parameters
        ----------
        filepath : str or path
            The file, and what is refused, as for `save`.
        overwrite : bool, default True
            Whether a file that exists may be replaced.
        """
        from fanin.models import _archive

        _archive.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Read all arrays from a file of `save_weights` or `save`.

        Arrays with NaN are read with a warning: failed trainings are looked into.

        Parameters
        ----------
        filepath : str or path
            The file.
        skip_mismatch : False
            Not supported: a file of another network is an error.

        Raises
        ------
        ValueError
            If the file is damaged or of another format, its names or shapes are not those of this
            network, or a number cannot be: too large for the dtype, a negative variance. The
            message names the file and says what it is. Nothing is changed. (NaN and infinity are
            read with a warning.)
        OSError
            If the file cannot be read, or is a folder, a pipe or a device.
        RuntimeError
            If another thread trains the network; nothing is changed.
        """
        if _checks.flag("skip_mismatch", skip_mismatch):
            raise ValueError("skip_mismatch is not supported: load into a network of the same kind")
        from fanin.models import _archive

        _archive.read_weights(filepath, self)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the whole model to one file: layers, arrays, what was compiled, optimizer's arrays.

        The file is an npz archive of NumPy's. The state of an `rng` that is a NumPy generator is
        not saved; a warning says so, as training that goes on from the file then differs.

        Parameters
        ----------
        filepath : str or path
            The file, of a name that ends in ``.npz``, has no suffix or one that is no known
            format's. It appears whole; if writing fails, what was there stays. Of a symbolic link
            the target is written.
        overwrite : bool, default True
            Whether a file that exists may be replaced.

        Raises
        ------
        ValueError
            If the name is that of another format, such as ``model.h5``, or the model has an
            argument that no file can hold.
        TypeError
            If `filepath` is no path: a number, an open file.
        OSError
            If the file cannot be written, is read-only (root is refused too), or is a folder, a
            pipe, a socket or a device.
        """
        from fanin.models import _archive

        _archive.save(self, filepath, overwrite)

    def to_json(self, **kwargs: Any) -> str:
        """Return what makes an equal model as JSON: its layers, without arrays and `compile`.

        Parameters
        ----------
        **kwargs : optional
            Arguments of `json.dumps`, such as ``indent=2``.

        Returns
        -------
        str
            The text, which `fanin.models.model_from_json` makes a model of. It is not one that
            Keras reads.

        Raises
        ------
        ValueError
            If the model has an argument that no text can hold.
        TypeError
            If that is a function, or `json.dumps` does not take an argument.

        Examples
        --------
        >>> import fanin
        >>> model = fanin.Sequential([fanin.layers.Dense(1, input_shape=(2,))])
        >>> again = fanin.models.model_from_json(model.to_json())
        >>> again.count_params()
        3
        """
        from fanin.models import _archive

        return _archive.to_json(self, **kwargs)  # type: ignore[arg-type]
