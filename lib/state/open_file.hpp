#pragma once

#include <memory>

#include "state/table_file.hpp"

namespace klamm::inline v0::state {

/// What stands at a store's path, once all that does not fit is out of the way.
struct FoundFile {
  detail::Opened opened;
  FilePosition position;
  std::unique_ptr<TableFile> table;  ///< null unless resumed
};

/// Opens the file of a store when it is whole and its own, else removes it and says why. A foreign file is set aside as `<path>.foreign`.
///
/// Values of an older schema are rewritten by `upgrade`, all in one transaction, if there is one.
///
/// An error, with the file left alone: it can't be read or written, a newer klamm wrote it, or it holds other types.
Result<FoundFile> open_file(const StoreFile& file, const Upgrade& upgrade = {});

}  // namespace klamm::inline v0::state
